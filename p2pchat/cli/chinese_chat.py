"""The chat in a terminal, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CHINESE_CHAT"]

CHINESE_CHAT: Mapping[str, str] = {
    # Help
    "Chat in this terminal: conversations, history, what comes while you type.": (
        "在此终端中聊天：会话、历史记录，以及输入时到来的消息。"
    ),
    "It needs nothing else: an identity is made at first use. /help lists what can be typed there;"
    " Ctrl-D ends it.": "无需其他准备：首次使用时会创建身份。/help 列出可用命令；Ctrl-D 结束。",
    "Open a contact or room.": "打开联系人或房间。",
    "Open the next conversation that has something unread.": "打开下一个有未读消息的会话。",
    "List contacts and rooms.": "列出联系人和房间。",
    "List who asks to be a contact, and rooms you were taken into.": (
        "列出请求成为联系人的人，以及别人邀你进入的房间。"
    ),
    "Answer the marked message, or the last of somebody else.": (
        "回复已标记的消息，或别人的最后一条消息。"
    ),
    "Give your marked message, or your last, another text.": (
        "修改你已标记的消息，或你的最后一条消息。"
    ),
    "Take your marked message, or your last, back.": "撤回你已标记的消息，或你的最后一条消息。",
    "Pin the marked or last message in this room, or unpin it.": (
        "在此房间置顶标记的或最后一条消息，或取消置顶。"
    ),
    "It is pinned.": "已置顶。",
    "It is pinned no more.": "已取消置顶。",
    "{who} pinned a message in {name}.": "{who} 在 {name} 置顶了一条消息。",
    "{who} unpinned a message in {name}.": "{who} 在 {name} 取消了一条置顶消息。",
    "Put an emoji to the marked or last message, or take it away.": (
        "给已标记或最后一条消息加上表情，或取消它。"
    ),
    "Say yes to an account that asks, or to a room.": "同意账号的请求，或同意进入房间。",
    "Say no to it.": "拒绝。",
    "Ask the owner of a contact link.": "向联系链接的主人发出请求。",
    "Enter the open room of this name: it is public; or a room by a link.": (
        "进入此名称的开放房间（公开），或通过链接加入房间。"
    ),
    "You are in {name} now.": "你已在 {name} 中。",
    "{name} is not open to you: {why}": "无法进入 {name}：{why}",
    "Take a contact into the room that is open.": "让联系人加入当前房间。",
    "List who is in the room that is open.": "列出当前房间的成员。",
    "Show how the network is.": "显示网络状态。",
    "List the commands.": "列出命令。",
    "End. Ctrl-D does the same.": "结束。Ctrl-D 同样。",
    # What it says
    "There is no command /{word}. /help lists them; a text that begins with / needs two.": (
        "没有命令 /{word}。/help 列出所有命令；以 / 开头的文本请写两个 /。"
    ),
    "/{word} needs something: /{word} {argument}": "/{word} 需要参数：/{word} {argument}",
    "/open NAME opens a conversation, /help lists the commands.": (
        "/open 名称 打开会话，/help 列出命令。"
    ),
    "Nobody is here yet. Give your contact link away, or /add somebody's; /join enters an open"
    " room; /help lists the commands.": (
        "这里还没有人。把你的联系链接交给别人，或用 /add 添加别人的；/join 进入开放房间；"
        "/help 列出命令。"
    ),
    "No conversation is open: /open NAME opens one, /list shows them.": (
        "没有打开的会话：/open 名称 打开会话，/list 列出会话。"
    ),
    "No conversation is open": "没有打开的会话",
    "{count} unread": "{count} 条未读",
    "Page down for the newest": "按 Page Down 查看最新消息",
    "Page up for what was said before": "按 Page Up 查看更早的消息",
    "This is the beginning.": "这是开头。",
    "… {count} characters more: `p2pchat history` has them": (
        "… 还有 {count} 个字符：用 `p2pchat history` 查看"
    ),
    "network {health}": "网络{health}",
    "{name} asks to be a contact: /accept {account}": ("{name} 请求成为联系人：/accept {account}"),
    "Somebody took you into {name}: /accept {name}": "有人邀你进入 {name}：/accept {name}",
    "/admit NAME takes a contact into it.": "/admit 名称 让联系人加入。",
    "You stay out of {name}. Its members are told.": "你不进入 {name}。会通知其成员。",
    "More than {count} messages are not shown at once.": "一次最多显示 {count} 条消息。",
    "A device of {name} speaks for another account now. Nothing is sent to them before you have"
    " asked them by another way, and then, after /quit, said `p2pchat contacts confirm`.": (
        "{name} 的一台设备现在代表另一个账号。请先用其他方式向对方核实，再用 /quit 退出并运行"
        " `p2pchat contacts confirm`；在此之前不会向对方发送任何内容。"
    ),
    "Your account has one more device. If you did not add it, /quit and end it:"
    " `p2pchat devices revoke`.": (
        "你的账号多了一台设备。如果不是你添加的，请用 /quit 退出并撤销它："
        "`p2pchat devices revoke`。"
    ),
    "{name} has one more device, which reads and writes.": "{name} 多了一台可以读写消息的设备。",
    "{name}: {reason}": "{name}：{reason}",
    "it is closed: its devices were revoked": "此账号已关闭：其设备已被撤销",
    "one of its devices wrote two histories": "其中一台设备写出了两份不同的历史记录",
    "the keys that were compared are not the same: somebody may stand between you": (
        "比对的密钥不一致：你们之间可能有人在冒充"
    ),
    "Enter on an empty line takes this away.": "在空行按 Enter 可清除此提示。",
    "Enter on an empty line shows the next of {count} more.": (
        "在空行按 Enter 查看下一条（还有 {count} 条）。"
    ),
    "writing…": "正在输入…",
    "Say on or off.": "请填 on 或 off。",
    "Say if contacts and you see when the other is writing: on, off.": (
        "联系人与你是否互相看到对方正在输入：on、off。"
    ),
    "Contacts who want that, too, see that you are writing to them; and you that they are.": (
        "如果对方也愿意，联系人会看到你正在输入，你也会看到他们正在输入。"
    ),
    "Nobody sees that you are writing, and you see nobody write.": (
        "没有人看到你正在输入，你也看不到别人正在输入。"
    ),
    "Nobody waits for your word.": "没有人在等你答复。",
    "{health}; peers {count}, relays {relays}, messages that wait {outbox}": (
        "{health}；{count} 个节点，{relays} 个中继，{outbox} 条消息在等待"
    ),
    "Tab completes, Page up shows what was before, Ctrl-N opens the next unread, Shift-Up and"
    " Shift-Down mark a message.": (
        "Tab 补全，Page Up 查看更早的消息，Ctrl-N 打开下一个未读会话，"
        "Shift-Up 和 Shift-Down 标记消息。"
    ),
    "There is no such message in sight yet.": "这里还没有这样的消息。",
    "an earlier message": "更早的一条消息",
    "contact": "联系人",
    "{who} mentions you in {name}.": "{who} 在 {name} 中提到了你。",
    # What was read
    "Say if others here learn what you have read: on, off, usual.": (
        "他人能否得知你读过：on、off、usual。"
    ),
    "Say on, off or usual.": "请输入 on、off 或 usual。",
    "Others are told what you have read.": "其他人会知道你读过什么。",
    "Nobody is told what you have read.": "没有人会知道你读过什么。",
    "What you have read, and who is told of it.": "你读过什么，以及谁会知道。",
    "List the contacts and rooms where something is unread.": "列出有未读消息的联系人和房间。",
    "Everything is read.": "没有未读消息。",
    "Say that you have read everything up to a message.": "将到某条消息为止的全部内容标为已读。",
    "Marked as read.": "已标为已读。",
    "They learn of it when a node runs here.": "此处的节点运行时，对方会得知。",
    "Say whether others are told what you have read. At first nobody is.": (
        "设置其他人能否知道你读过什么。起初没有人会知道。"
    ),
    "With on, contacts and the members of rooms by invitation see that you have read what they"
    " wrote. In open rooms and rooms by password nobody is told, unless you say so for that"
    " room.": (
        "设为 on 时，联系人和邀请制房间的成员会看到你已读他们的消息。"
        "在开放房间和密码制房间中没有人会知道，除非你为该房间单独设置。"
    ),
    "on, off, or usual: as everywhere. Without it, the present setting is shown.": (
        "on、off 或 usual（同默认设置）。不填则显示当前设置。"
    ),
    "Only there: name or id of a contact or room.": "仅限于此：联系人或房间的名称或标识。",
}
