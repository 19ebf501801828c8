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
    # Proofs of delivery
    "Only this message; `history --json` shows ids.": (
        "只证明这条消息；`history --json` 可显示编号。"
    ),
    "Leave the texts out; their hashes stay.": "不写入正文，只留哈希。",
    "Write a file that proves which of your messages others have signed to hold.": (
        "写出一个文件，证明他人已签名收存了您的哪些消息。"
    ),
    "Whoever has the file can check it with `p2pchat verify`, and shows it to whom they like.": (
        "拿到文件的人都可用 `p2pchat verify` 核验，也可转给任何人。"
    ),
    "What `prove` wrote.": "`prove` 写出的文件。",
    "Check a proof of delivery by its signatures alone: no home and no network is needed.": (
        "仅凭签名核验送达证明：不需要主目录，也不需要网络。"
    ),
    "{file} proves the delivery of {count} messages to {devices} devices. `p2pchat verify` checks"
    " it, anywhere.": (
        "{file} 证明 {count} 条消息已送达 {devices} 台设备。`p2pchat verify` 可在任何地方核验。"
    ),
    "Conversation {id}": "会话 {id}",
    "written by   {account}": "作者 {account}",
    "(not in the file)": "（正文不在文件中）",
    "{account} signed on {time} to hold {held} of these {count} messages, with its device"
    " {device}.": (
        "{account} 的设备 {device} 于 {time} 签名，已收存这 {count} 条消息中的 {held} 条。"
    ),
    "{count} more came to that device without their words, which had been deleted before.": (
        "另有 {count} 条送达该设备时正文已被撤回，它未曾收到其内容。"
    ),
    "That account has revoked this device: ask whether it was stolen then.": (
        "该账户已吊销这台设备：请询问当时它是否已失窃。"
    ),
    "The signatures are right. Whose accounts these are, only people know: compare them with their"
    " contact links. Times are those of the devices' own clocks.": (
        "签名无误。账户属于谁，只有人知道：请与其联系人链接比对。时间以各设备自己的时钟为准。"
    ),
    # Export and import
    "The passphrase of the export stands in this file. Default: it is asked for.": (
        "导出文件的密码短语在此文件中。默认：在终端询问。"
    ),
    "The file to write.": "要写入的文件。",
    "Overwrite what is there.": "覆盖已有文件。",
    "What `export` wrote.": "`export` 写出的文件。",
    "Write account, contacts, rooms, blocks and history to a file that a passphrase locks.": (
        "把账号、联系人、房间、屏蔽列表和历史写入一个由密码短语锁定的文件。"
    ),
    "A home made from it is a new device of yours. Whoever has the file and its passphrase can be"
    " you.": "由它建立的主目录是你的新设备。拿到文件和密码短语的人就可以冒充你。",
    "Make a home from an export, as a new device of the same account.": (
        "由导出文件建立主目录，成为同一账号的新设备。"
    ),
    "The home must be new, or nothing may have happened in it. All of it is taken, or nothing.": (
        "主目录必须是新的，或其中还没有任何内容。要么全部导入，要么什么都不导入。"
    ),
    "Passphrase of the export: ": "导出文件的密码短语：",
    "Exported to {file}. Keep it and its passphrase apart.": (
        "已导出到 {file}。请把它和密码短语分开保存。"
    ),
    "{account} lives here now, as a new device. What was written here so far is to be read;"
    " contacts learn of the device when a node runs here.": (
        "{account} 已在此处，作为新设备。以前的内容可以查看；本机节点运行时联系人会得知此设备。"
    ),
    "{done} of {total} entries": "{done} / {total} 条",
    # Transcripts
    "Write all of a conversation out to be read: text, a page for a browser, or JSON.": (
        "把整个会话写成可读的文件：文本、网页或 JSON。"
    ),
    "Nobody locks it: whoever has the file can read it.": "文件不加密：拿到它的人都能阅读。",
    "The file to write. Default: standard output.": "要写入的文件。默认：标准输出。",
    "How to write it. Default: as the file's name ends, else text.": (
        "格式。默认：按文件名后缀，否则为文本。"
    ),
    "{count} messages written to {file}.": "已将 {count} 条消息写入 {file}。",
    # Locking
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
