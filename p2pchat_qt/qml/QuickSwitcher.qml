import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "controls"

// Ctrl+K: go to a conversation by a part of its name.
Popup {
    id: switcher
    signal opened_(string id)
    parent: Overlay.overlay
    modal: true
    focus: true
    padding: 12
    width: Math.min(460, parent ? parent.width - 24 : 460)
    height: Math.min(420, parent ? parent.height - 48 : 420)
    x: parent ? (parent.width - width) / 2 : 0
    y: Math.min(90, parent ? (parent.height - height) / 2 : 90)
    Overlay.modal: Rectangle { color: Theme.c.shade }
    background: Rectangle { radius: 14; color: Theme.c.window; border.width: 1; border.color: Theme.c.line }
    onOpened: { field.clear(); fill(); field.forceActiveFocus() }

    function fill() {
        found.clear()
        const all = sidebarView.conversations, wanted = field.text.trim().toLowerCase()
        for (let n = 0; n < all.rowCount() && found.count < 30; n++) {
            const row = all.at(n)
            if (wanted === "" || row.title.toLowerCase().includes(wanted))
                found.append({ id_: row.id, title: row.title, letters: row.initials, colour: row.colour, isRoom: row.kind === "room", account: row.account })
        }
        list.currentIndex = 0
    }
    function go(n) {
        if (n >= 0 && n < found.count) {
            const id = found.get(n).id_
            close()
            opened_(id)
        }
    }
    ListModel { id: found }
    contentItem: ColumnLayout {
        spacing: 8
        Field {
            id: field
            objectName: "switcherField"
            Layout.fillWidth: true
            placeholderText: qsTr("Go to…")
            onTextChanged: switcher.fill()
            Keys.onDownPressed: list.incrementCurrentIndex()
            Keys.onUpPressed: list.decrementCurrentIndex()
            Keys.onReturnPressed: switcher.go(list.currentIndex)
            Keys.onEnterPressed: switcher.go(list.currentIndex)
        }
        ListView {
            id: list
            objectName: "switcherList"
            Layout.fillWidth: true
            Layout.fillHeight: true
            clip: true
            model: found
            delegate: AbstractButton {
                id: line
                required property int index
                required property string title
                required property string letters
                required property int colour
                required property bool isRoom
                required property string account
                width: list.width
                height: Theme.px(48)
                Accessible.role: Accessible.ListItem
                Accessible.name: title
                background: Rectangle { radius: 10; color: line.ListView.isCurrentItem || line.hovered ? Theme.c.hover : "transparent" }
                contentItem: RowLayout {
                    spacing: 10
                    Avatar { Layout.leftMargin: 10; size: Theme.px(34); account: line.account; letters: line.letters; colour: line.colour; isRoom: line.isRoom }
                    Words { text: line.title; Layout.fillWidth: true }
                }
                onClicked: switcher.go(index)
            }
            Words {
                anchors.centerIn: parent
                visible: list.count === 0
                text: qsTr("Nothing was found.")
                color: Theme.c.faint
            }
        }
    }
}
