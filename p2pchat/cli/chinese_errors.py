"""The errors that people meet most, in Chinese: by English sentence with blanks.

An error carries its sentence filled in, so its template is recognised by what stands between the
blanks; what is in no template stays English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from p2pchat.cli.chinese_refusals import CHINESE_REFUSALS
from p2pchat.cli.chinese_settings import CHINESE_SETTINGS

__all__ = ["CHINESE_ERRORS", "error_in_chinese", "setting_in_chinese"]

CHINESE_ERRORS: Mapping[str, str] = {
    **CHINESE_REFUSALS,
    **CHINESE_SETTINGS,
    "the disk is full: free some space": "磁盘已满：请腾出一些空间",
    "this cannot be undone: add --yes if you mean it": "此操作无法撤销：确定要执行请加上 --yes",
    "the system refused: {reason}": "系统拒绝：{reason}",
    "{home} holds an identity already; `p2pchat id` shows it, --home DIR chooses another place": (
        "{home} 中已有身份；`p2pchat id` 可显示它，--home 目录 可选择其他位置"
    ),
    "{home} is in use by {who}: end it first, or choose another home directory": (
        "{home} 正被 {who} 使用：请先结束它，或选择其他主目录"
    ),
    "{home} cannot be used as a home directory ({reason}): choose a directory you may write to": (
        "{home} 不能用作主目录（{reason}）：请选择一个可写的目录"
    ),
    "UDP port {port} (lan.discovery_port) is in use by another program": (
        "UDP 端口 {port}（lan.discovery_port）已被其他程序占用"
    ),
    "{address} is in use by another program": "{address} 已被其他程序占用",
    "the passphrase is wrong": "密码短语不正确",
    "nobody has acknowledged a message of yours there yet": "那里还没有人确认收到您的消息",
    "in rooms that nobody rules nobody signs to hold all that was said": (
        "在无人管理的房间里，没有人签名确认收存全部消息"
    ),
    "nobody has acknowledged this message yet, or it is not yours": (
        "还没有人确认收到这条消息，或它不是您写的"
    ),
    "that is too much for one file: prove single messages": "内容太多，一个文件放不下：请逐条证明",
    "{file} is no proof of delivery": "{file} 不是送达证明",
    "{file} is not whole: its end is missing": "{file} 不完整：缺少结尾",
    "{file} proves nothing: {reason}": "{file} 什么也证明不了：{reason}",
    "this home is locked by a passphrase: give it, with --passphrase-file FILE for one": (
        "此主目录由密码短语锁定：请输入，或用 --passphrase-file 文件 给出"
    ),
    "a passphrase is needed: name a file that holds it with {option}": (
        "需要密码短语：请用 {option} 指定存放它的文件"
    ),
    "the passphrase of the export is wrong": "导出文件的密码短语不正确",
    "{file} is not a key: put back the one of this home": (
        "{file} 不是密钥文件：请放回此主目录原来的密钥文件"
    ),
    "{file} is damaged: put back a copy of this file alone; the other files are newer than"
    " theirs": ("{file} 已损坏：请只放回此文件的副本；其他文件比备份中的更新"),
    "{file} is no export of this program": "{file} 不是本程序的导出文件",
    "{file} is not whole: use another copy, or export anew": (
        "{file} 不完整：请使用另一份副本，或重新导出"
    ),
    "{home} holds contacts, rooms or messages already: choose a new directory": (
        "{home} 中已有联系人、房间或消息：请选择新的目录"
    ),
    "that is no emoji; give a sign such as 👍": "这不是表情符号；请给出例如 👍 的符号",
    "no message here has this id, or it was deleted": "此处没有该标识的消息，或已被撤回",
    "only who wrote a message can change it or take it back": "只有作者本人才能修改或撤回消息",
    "no contact who has accepted, and no room that you are in, is {name}; `p2pchat contacts list`"
    " and `p2pchat rooms list` show them; give the account of whom you asked": (
        "没有名为 {name} 的联系人（须已接受），你也不在这样的房间中；可用 `p2pchat contacts list`"
        " 和 `p2pchat rooms list` 查看；对已请求的人请给出账号"
    ),
    "no contact who has accepted, and no room that you are in, is {name}; /list shows who is, and"
    " whom you asked is named by account": (
        "没有名为 {name} 的联系人（须已接受），你也不在这样的房间中；可用 /list 查看；"
        "对已请求的人请给出账号"
    ),
    "no request is by {name}; /requests shows who waits for your word": (
        "没有来自 {name} 的请求；可用 /requests 查看"
    ),
    "nothing was done, for no contact who has accepted is {names}; `p2pchat contacts list` shows"
    " them": (
        "没有进行任何操作：没有名为 {names} 的联系人（须已接受）；可用 `p2pchat contacts list` 查看"
    ),
    "no contact who has accepted is {name}; `p2pchat contacts list` shows them; give the account of"
    " whom you asked": (
        "没有名为 {name} 的联系人（须已接受）；可用 `p2pchat contacts list` 查看；"
        "对已请求的人请给出账号"
    ),
    "you are in no room {name}; `p2pchat rooms list` shows yours, `p2pchat rooms join` enters an"
    " open one": (
        "你不在房间 {name} 中；`p2pchat rooms list` 列出你的房间，"
        "`p2pchat rooms join` 可进入开放房间"
    ),
    "no room {name} waits for your word; `p2pchat rooms requests` lists them": (
        "没有名为 {name} 的房间在等你答复；可用 `p2pchat rooms requests` 查看"
    ),
    "no request is by the account {account}; `p2pchat contacts requests` lists them": (
        "没有来自账号 {account} 的请求；可用 `p2pchat contacts requests` 查看"
    ),
    "{name} means {count} of them; give the account or id": (
        "{name} 对应 {count} 个；请给出账号或标识"
    ),
    "nobody in this room is {name}; `p2pchat rooms members` shows who is": (
        "此房间中没有 {name}；可用 `p2pchat rooms members` 查看成员"
    ),
    "{name} means {count} of them; give the account": "{name} 对应 {count} 个；请给出账号",
    "{name} is in this room already": "{name} 已在此房间中",
    "{name} is in this room, and not banned": "{name} 在此房间中，并未被封禁",
    "that is you; `p2pchat rooms leave` is how one goes": (
        "那是你自己；离开房间请用 `p2pchat rooms leave`"
    ),
    "this room has no roles": "此房间没有角色之分",
    "owners change admins, admins change members, nobody an owner": (
        "房主可更改管理员，管理员可更改成员，没有人能更改房主"
    ),
    "only an accepted contact can be added to a room": "只有已互为联系人的人才能加入房间",
    "only accepted contacts can be added to a room; see `contacts`": (
        "只有已互为联系人的人才能加入房间；请查看 `contacts`"
    ),
    "a description has at most {count} printable characters": "房间说明最多 {count} 个可见字符",
    "an announcement has at most {count} printable characters": "公告最多 {count} 个可见字符",
    "owners and admins alone say what a room is called, and announce": (
        "只有房主和管理员可以为房间改名、写说明和发布公告"
    ),
    "a room name has 1 to {count} printable characters": "房间名称为 1 到 {count} 个可见字符",
    "a room has at most {count} owners, you among them": "一个房间最多有 {count} 位房主，包括你",
    "owners and admins alone pin messages": "只有房主和管理员可以置顶消息",
    "a room pins at most {count} messages": "一个房间最多置顶 {count} 条消息",
    "a room has at most {count} members": "一个房间最多有 {count} 位成员",
    "a room's history is none, joining, all or last:N with N from 1 to {most}": (
        "房间历史只能是 none、joining、all，或 last:N（N 为 1 到 {most}）"
    ),
    "{name} was not there: both of you have to compare at the same time": (
        "{name} 不在线：双方需要同时比对"
    ),
    "they are not connected: to compare, both have to be there": "对方未连接：双方都在线才能比对",
    "that is neither yes nor no: nothing has changed; compare again": (
        "既不是“是”也不是“否”：没有任何改变；请重新比对"
    ),
    "{name} is not verified: somebody may stand between you, so meet, or try another way": (
        "{name} 未通过验证：可能有人在你们中间，请当面或换一种方式核对"
    ),
    "the comparison is over: {reason}": "比对已结束：{reason}",
    "passphrase: it has 1 to {count} bytes": "passphrase：长度须为 1 到 {count} 字节",
    "this is a link and no room's name: join it as a link": "这是链接，不是房间名称：请按链接加入",
    "nobody whom this link names knows of the invitation; ask for a new link": (
        "链接所指的成员都不知道这个邀请；请索取新的链接"
    ),
    "the time of this invitation is over; ask for a new link": "邀请已过期；请索取新的链接",
    "this invitation was used as often as it is good for; ask for a new link": (
        "邀请的使用次数已满；请索取新的链接"
    ),
    "this invitation was taken back; ask for a new link": "邀请已被收回；请索取新的链接",
    "you were put out of this room, so no link lets you in; ask an admin": (
        "你已被移出此房间，任何链接都无效；请联系管理员"
    ),
    "this room is full": "房间已满",
    "you left this room too often to come back by a link; ask an admin": (
        "你离开此房间的次数过多，不能再用链接回来；请联系管理员"
    ),
    "an invitation is good for some time, and for ten years at most": "邀请须有有效期，最长十年",
    "an invitation is good for 1 to {count} uses": "邀请可使用 1 到 {count} 次",
    "who gave an invitation takes it back, or an owner": "邀请由发出者或房主收回",
    "you do not wait to be let into this room": "你没有在等待加入此房间",
    "you do not wait to be let into one such room; see `rooms`": (
        "没有这样一个你正等待加入的房间；见 `rooms`"
    ),
    "you wait to be let into {count} rooms already": "你已在等待加入 {count} 个房间",
    "owners and admins of a room by invitation invite to it": (
        "只有邀请制房间的房主和管理员可以邀请"
    ),
    "nobody can be asked here: `rooms enter LINK --yes` does not ask": (
        "此处无法询问：`rooms enter LINK --yes` 不作询问"
    ),
    "this is a contact link and no invitation to a room; add its owner": (
        "这是联系人链接，不是房间邀请；请添加其主人"
    ),
    "this link is longer than {count} characters; ask for a new one": (
        "此链接超过 {count} 个字符；请索取新的链接"
    ),
    "this link holds characters that no link has; copy it again": (
        "此链接含有链接中不会出现的字符；请重新复制"
    ),
    "this is not a contact link but an invitation to a room; join it": (
        "这不是联系链接，而是房间邀请；请用它加入房间"
    ),
    "this is not a contact link; one begins with {prefix}": (
        "这不是联系链接；联系链接以 {prefix} 开头"
    ),
    "this link is of version {version}, this program reads version {known}: update it": (
        "此链接的版本为 {version}，本程序只能读取版本 {known}：请更新程序"
    ),
    "this link is damaged or cut short; copy it again, whole": (
        "此链接已损坏或不完整；请重新完整复制"
    ),
    "this link is damaged; copy it again, whole": "此链接已损坏；请重新完整复制",
    "this link was altered; ask for a new one": "此链接被改动过；请索取新的链接",
    "this is your own link; give it to somebody else": "这是你自己的链接；请把它交给别人",
    "name: give 1 to {count} visible characters: no controls, no marks of direction": (
        "name：请输入 1 到 {count} 个可见字符，不含控制字符和方向标记"
    ),
    "{account} is no contact of yours; see `contacts`": (
        "{account} 不是你的联系人；请查看 `contacts`"
    ),
    "there is no such introduction; see `introductions`": "没有这样的介绍；请查看 `introductions`",
    "this introduction is older than 30 days; ask for another one": (
        "此介绍已超过 30 天；请重新介绍"
    ),
    "you have removed this contact; add them again first": "你已删除此联系人；请先重新添加",
    "--lan-secret-file does nothing without --lan": "--lan-secret-file 需与 --lan 一起使用",
    "{file}: the unknown key {key} is ignored; did you mean {near}?": (
        "{file}：未知的设置项 {key} 被忽略；是否想写 {near}？"
    ),
    "{file}: the unknown key {key} is ignored": "{file}：未知的设置项 {key} 被忽略",
}


def error_in_chinese(message: str) -> str:
    """The message in Chinese, or as it is; before that of a setting stands its key."""
    of_setting = setting_in_chinese(message, error_in_chinese)
    if of_setting is not None:
        return of_setting
    for pattern, chinese in _PATTERNS:
        found = pattern.fullmatch(message)
        if found is not None:
            blanks = found.groupdict()
            if "reason" in blanks:
                blanks["reason"] = error_in_chinese(blanks["reason"])
            return chinese.format(**blanks)
    return message


def setting_in_chinese(message: str, translate: Callable[[str], str]) -> str | None:
    """What is wrong with a setting, behind its key or with the value that cannot be used; None for
    what is none of it. `translate` knows what is behind."""
    if found := _KEYED.fullmatch(message):
        said = translate(found["said"])
        return f"{found['key']}：{said}" if said != found["said"] else None
    if found := _USELESS.fullmatch(message):
        return f"无法使用 {found['value']}：{translate(found['reason'])}"
    return None


def _pattern(english: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", english)
    written = (f"(?P<{part}>.+)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.compile("".join(written), re.DOTALL)


_KEYED = re.compile(r"(?P<key>[a-z][a-z0-9_.]*): (?P<said>.+)", re.DOTALL)
_USELESS = re.compile(r"(?P<value>.+?) cannot be used: (?P<reason>.+)", re.DOTALL)
_PATTERNS = tuple((_pattern(english), chinese) for english, chinese in CHINESE_ERRORS.items())
