"""What the library and the disk refuse, in Chinese: by English sentence with blanks."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CHINESE_REFUSALS"]

CHINESE_REFUSALS: Mapping[str, str] = {
    # People and devices
    "{account} is no contact; see `contacts`": "{account} 不是联系人；请查看 `contacts`",
    "{account} is not a contact; see `contacts`": "{account} 不是联系人；请查看 `contacts`",
    "{account} is no contact: {state}": "{account} 不是联系人：{state}",
    "{account} has not asked to be a contact; see `contact_requests`": (
        "{account} 没有请求成为联系人；请查看 `contact_requests`"
    ),
    "accept this contact first": "请先接受此联系人",
    "this account is blocked; unblock it first": "此账号已被屏蔽；请先解除屏蔽",
    "introduce two people who are not the same": "请介绍两位不同的人",
    "{count} introductions wait already, the most": "已有 {count} 个介绍在等待，达到上限",
    "this link names a device of {owner} under another account: ask {asked} by another way who made"
    " it": "此链接把 {owner} 的设备归到另一个账号下：请用其他方式向 {asked} 核实链接出自谁手",
    "a device of {name} speaks for another account now: ask {asked} by another way whether that is"
    " right, then confirm it": (
        "{name} 的一台设备现在代表另一个账号：请用其他方式向 {asked} 核实，再确认"
    ),
    "nothing is to be confirmed: this contact's key is the same": (
        "无需确认：此联系人的密钥没有变化"
    ),
    "no comparison with this contact is under way": "没有正在与此联系人进行的比对",
    "nothing was shown yet that could be the same": "尚未显示可供比对的内容",
    "this code was shown by {shown}, not by {wanted}: it is somebody else's, or somebody stands"
    " between you": ("此验证码由 {shown} 出示，而不是 {wanted}：它属于别人，或者有人在你们中间"),
    "this code is for {wanted}, and you are {own}: who showed it has another key for you, or means"
    " somebody else": (
        "此验证码是给 {wanted} 的，而你是 {own}：出示者持有你的另一把密钥，或指的是别人"
    ),
    "this code is damaged or cut short; scan or copy it again, whole": (
        "此验证码已损坏或不完整；请重新完整扫描或复制"
    ),
    "this is no verification code; one begins with {prefix}": (
        "这不是验证码；验证码以 {prefix} 开头"
    ),
    "this code is of version {version}, this program reads version {known}: update it": (
        "此验证码的版本为 {version}，本程序只能读取版本 {known}：请更新程序"
    ),
    "{peer} is no peer id; see `p2pchat devices`": (
        "{peer} 不是节点标识；请查看 `p2pchat devices`"
    ),
    "this is the device you are using; revoke it from another one of yours": (
        "这是你正在使用的设备；请从你的另一台设备撤销它"
    ),
    "no device of yours has the peer id {peer}; see `devices`": (
        "你的设备中没有节点标识 {peer}；请查看 `devices`"
    ),
    "{count} devices were revoked, and one more would close this account for good; make a new"
    " account": "已撤销 {count} 台设备，再撤销一台账号将永久关闭；请新建账号",
    "this device was revoked: others take nothing new of it; go on with another of yours": (
        "此设备已被撤销：他人不再接受它的新内容；请改用你的另一台设备"
    ),
    "{path} is no picture that can be read: JPEG, PNG, WebP and GIF are": (
        "{path} 不是可读取的图片：支持 JPEG、PNG、WebP 和 GIF"
    ),
    "{path} cannot be made small enough: choose another picture": (
        "{path} 无法缩小到所需大小：请换一张图片"
    ),
    "{path} is larger than {size} MB: choose a smaller one": (
        "{path} 超过 {size} MB：请选择更小的图片"
    ),
    "{path} has more than {count} million pixels: choose a smaller one": (
        "{path} 超过 {count} 百万像素：请选择更小的图片"
    ),
    "a bio has at most {count} characters; this has {given}": (
        "简介最多 {count} 个字符；这里有 {given} 个"
    ),
    "a bio holds a character that cannot be shown; take it out": (
        "简介中有无法显示的字符；请去掉它"
    ),
    # Blocking
    "{target} is blocked by the configuration: take it out there and reload": (
        "{target} 由配置屏蔽：请在配置中删除并重新加载"
    ),
    "{target} is not blocked; see `blocks`": "{target} 未被屏蔽；请查看 `blocks`",
    # Rooms and messages
    "No conversation is open: /open NAME opens one, /list shows them.": (
        "没有打开的会话：/open 名称 打开会话，/list 列出会话。"
    ),
    "chat needs a terminal; `p2pchat rpc` is for programs": (
        "chat 需要终端；程序请使用 `p2pchat rpc`"
    ),
    "no conversation has this id; see `contacts` and `rooms`": (
        "没有此标识的会话；请查看 `contacts` 和 `rooms`"
    ),
    "no room has this id; see `rooms`": "没有此标识的房间；请查看 `rooms`",
    "we are not in this room; see `rooms`": "你不在此房间中；请查看 `rooms`",
    "nobody takes us into a room of this id; see its requests": (
        "没有人邀请你进入此标识的房间；请查看房间请求"
    ),
    "not all of this room is here yet that we wrote before; try again in a while": (
        "你以前在此房间写下的内容尚未全部取回；请稍后再试"
    ),
    "an owner cannot leave a room that others are in: remove them first, or stay": (
        "房间中还有其他人时，房主不能离开：请先移除他们，或留下"
    ),
    "you may read in this room only": "你在此房间中只能阅读",
    "this device has written all that it may here; use another": (
        "此设备在这里可写的内容已达上限；请改用其他设备"
    ),
    "this is larger than others take": "内容超过他人可接受的大小",
    "others could not read this: {reason}": "他人无法读取：{reason}",
    "no message has this id": "没有此标识的消息",
    "no message {id} in this conversation": "此会话中没有消息 {id}",
    "{id} is no message's id": "{id} 不是消息标识",
    "a text has at most {count} bytes of UTF-8; send it in parts": (
        "一条文本最多 {count} 字节（UTF-8）；请分开发送"
    ),
    "the text holds half a surrogate pair; take that character out": (
        "文本中有半个代理对字符；请去掉它"
    ),
    "the text is empty: say something": "文本为空：请写些内容",
    "search for at most {count} characters, not {given}": (
        "搜索词最多 {count} 个字符，而不是 {given} 个"
    ),
    "there is no word to search for: give one, or a sign such as 🎉": (
        "没有可搜索的词：请给出一个词，或像 🎉 这样的符号"
    ),
    # The home and its files
    "{file} is there already: choose another name, or give --force": (
        "{file} 已存在：请换一个名称，或加上 --force"
    ),
    "{file} is there already: choose another name, or say to overwrite it": (
        "{file} 已存在：请换一个名称，或指明覆盖它"
    ),
    "{file} cannot be written: {reason}": "{file} 无法写入：{reason}",
    "{file} cannot be read: {reason}": "{file} 无法读取：{reason}",
    "{file} holds no key: {reason}": "{file} 中没有密钥：{reason}",
    "{file} holds no text in UTF-8": "{file} 中不是 UTF-8 文本",
    "{file} holds more than one line, or characters that nobody sees": (
        "{file} 中不止一行，或含有不可见的字符"
    ),
    "the disk has no room for {file}: free some space": "磁盘放不下 {file}：请腾出一些空间",
    "the disk that holds {file} is full: free some space": (
        "存放 {file} 的磁盘已满：请腾出一些空间"
    ),
    "the disk that holds {file} is full: free some space; what was being written was not"
    " acknowledged to anyone": (
        "存放 {file} 的磁盘已满：请腾出一些空间；正在写入的内容尚未向任何人确认"
    ),
    "the disk that holds {file} failed ({reason}): check its room and its health": (
        "存放 {file} 的磁盘出错（{reason}）：请检查其空间和状态"
    ),
    "{file} cannot be opened for writing ({reason}): check its permissions": (
        "{file} 无法以写入方式打开（{reason}）：请检查其权限"
    ),
    "another program is using {file}: end it and try again": (
        "{file} 正被其他程序使用：请结束该程序后重试"
    ),
    "the key does not open {file}: put back the key file that belongs to it (if it is the right"
    " one, the beginning of the database is damaged: import an export, or put back a copy, which is"
    " an older device)": (
        "密钥打不开 {file}：请放回与之配套的密钥文件（若密钥正确，则是数据库开头已损坏："
        "请导入导出文件，或放回副本，那将是较旧的设备）"
    ),
    "{file} is damaged ({finding}): move the directory away, and import an export or begin anew; or"
    " put back a copy of it, which is this device as it was: what it wrote since counts twice, and"
    " mail that was under way may be lost": (
        "{file} 已损坏（{finding}）：请移走此目录，并导入导出文件或重新开始；也可放回它的副本，"
        "那是此设备过去的状态：此后写下的内容会算作两次，途中的信件可能丢失"
    ),
    "{file} is missing though its key is there: put it back, or remove {key} to begin anew": (
        "{file} 不见了，而其密钥仍在：请放回它，或删除 {key} 以重新开始"
    ),
    "{key} is missing, without which {file} stays shut: put it back": (
        "{key} 不见了，没有它就打不开 {file}：请放回它"
    ),
    "{home} holds no identity yet: nothing is there to be locked": (
        "{home} 中还没有身份：没有可锁定的内容"
    ),
    "the database could not be brought to form {form}: it is as it was": (
        "数据库无法升级到格式 {form}：它保持原样"
    ),
    "{file} was written by a newer version of this program (its form is {form}): use that version,"
    " or a later one": ("{file} 由本程序的更新版本写入（格式 {form}）：请使用该版本或更高版本"),
    "{home} is locked by a passphrase already: `p2pchat passphrase change`": (
        "{home} 已由密码短语锁定：请用 `p2pchat passphrase change`"
    ),
    "{home} is locked by no passphrase: `p2pchat passphrase set`": (
        "{home} 没有用密码短语锁定：请用 `p2pchat passphrase set`"
    ),
    "the two are not the same: nothing has changed": "两次输入不一致：没有任何改变",
    "no passphrase was given": "没有输入密码短语",
    "this home is not locked by a passphrase: open it without one, and set one if it shall be": (
        "此主目录没有用密码短语锁定：请不带密码短语打开；如需锁定请设置"
    ),
    "the system's keyring did not keep the key: use a passphrase instead": (
        "系统密钥环没有保存密钥：请改用密码短语"
    ),
    "there is no keyring on this system that keeps secrets: use a passphrase instead": (
        "此系统没有可保存秘密的密钥环：请改用密码短语"
    ),
    "the system's keyring refused the key: {reason}": "系统密钥环拒绝了密钥：{reason}",
    "the system's keyring is locked: {reason}": "系统密钥环已锁定：{reason}",
    "a client in memory cannot be exported: open it in a directory": (
        "内存中的客户端无法导出：请在目录中打开"
    ),
    "a client in memory has nothing to lock: open it in a directory": (
        "内存中的客户端没有可锁定的内容：请在目录中打开"
    ),
    # The network
    "the node stopped before it could answer; open it again": ("节点在回答之前已停止；请重新打开"),
    "the node stopped before this was delivered; open it again": (
        "节点在送达之前已停止；请重新打开"
    ),
    "the node is closed; open it again": "节点已关闭；请重新打开",
}
