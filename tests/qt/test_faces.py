"""Pictures of people, where they have one that can be drawn."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QColor

from p2pchat_qt.demo_faces import face
from p2pchat_qt.pictures import Pictures
from p2pchat_qt.viewmodels.faces import PICTURES_MAX, Kept
from tests.qt.screen import Screen, until


def drawn(kept: Kept, account: str, side: int = 40):
    return Pictures(kept).requestImage(f"{account}/1", QSize(), QSize(side, side))


def test_a_picture_is_a_circle_as_large_as_it_is_shown():
    pictures = Kept()
    pictures.put("bob", face(1))
    image = drawn(pictures, "bob")
    assert (image.width(), image.height()) == (40, 40)
    assert QColor(image.pixelColor(0, 0)).alpha() == 0
    assert QColor(image.pixelColor(20, 20)).alpha() == 255
    assert drawn(pictures, "bob", 100_000).width() == 256


def test_what_is_no_picture_after_all_draws_nothing():
    pictures = Kept()
    for bad in (b"", b"RIFF", face(1)[:60], b"\x89PNG\r\n\x1a\n" + bytes(200)):
        pictures.put("eve", bad)
        assert drawn(pictures, "eve").isNull()
    assert drawn(pictures, "nobody").isNull()
    assert drawn(pictures, "../../etc/passwd").isNull()


def test_so_many_are_kept_and_whose_went_is_told():
    pictures = Kept()
    gone = [pictures.put(str(number), b"x") for number in range(PICTURES_MAX + 2)]
    assert gone == [None] * PICTURES_MAX + ["0", "1"]
    assert sum(bool(pictures.get(str(number))) for number in range(400)) == PICTURES_MAX


def test_contacts_are_seen_with_their_pictures_and_others_with_letters(run, demo):
    async def story():
        screen = Screen(demo, offline=True)
        try:
            rows = screen.app.views.sidebar.list
            await until(lambda: rows.rowCount() > 5)
            accounts = {row["title"]: row["account"] for row in rows.rows}
            picture = await screen.item(f"picture-{accounts['Bob']}")
            assert picture.property("source").toString().startswith("image://faces/z6Mk")
            assert screen.find(f"picture-{accounts['Yuki']}") is None
        finally:
            await screen.aclose()

    run(story())
