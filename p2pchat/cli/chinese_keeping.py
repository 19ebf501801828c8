"""The commands about the home itself in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CHINESE_KEEPING"]

CHINESE_KEEPING: Mapping[str, str] = {
    # Passphrases
    "The home's passphrase stands in this file. Default: it is asked for.": (
        "锁定主目录的密码短语在此文件中。默认：在终端询问。"
    ),
    "The new passphrase stands in this file. Default: it is asked for.": (
        "新的密码短语在此文件中。默认：在终端询问。"
    ),
    "What locks the home: a passphrase, or the system's keyring.": (
        "主目录的锁：密码短语，或系统密钥环。"
    ),
    "Lock the home by a passphrase: without it nobody can open what is on this disk.": (
        "用密码短语锁定主目录：没有它，任何人都打不开磁盘上的内容。"
    ),
    "There is no way back in without it. Opening takes about a second longer then.": (
        "忘记了就再也无法打开。此后每次打开约多花一秒。"
    ),
    "Lock the home by another passphrase; copies made before open by the old one.": (
        "更换密码短语；此前的副本仍用旧的打开。"
    ),
    "Lock the home no more; only the permissions of its files protect it then.": (
        "不再锁定；此后只有文件权限保护它。"
    ),
    "Have the system's keyring lock the home, so that it opens when you are logged in.": (
        "由系统密钥环锁定主目录，登录后即可打开。"
    ),
    "A copy of the home opens nowhere else then: keep an export.": (
        "此后主目录的副本在别处打不开：请保留一份导出文件。"
    ),
    "Passphrase: ": "密码短语：",
    "New passphrase: ": "新的密码短语：",
    "Once more: ": "再输入一次：",
    "Unlocking…": "正在解锁……",
    "Locked. Whoever forgets the passphrase has lost the home: keep an export, too.": (
        "已锁定。忘记密码短语就失去了主目录：请另存一份导出文件。"
    ),
    "The passphrase is another now.": "密码短语已更换。",
    "The home is locked no more: whoever can read its files can open it.": (
        "主目录不再锁定：能读取其文件的人都能打开。"
    ),
    "The system's keyring locks the home now; a copy of it opens nowhere else.": (
        "现在由系统密钥环锁定主目录；它的副本在别处打不开。"
    ),
}
