"""The words of `explain` in Chinese: by English sentence, which stands where it is used
(`protocol.causes`, `protocol.explaining`, `cli.explaining`)."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CHINESE_EXPLAINING"]

CHINESE_EXPLAINING: Mapping[str, str] = {
    # Help
    "`history --json` shows ids.": "`history --json` 会显示消息标识。",
    "Seconds to look at most.": "最多查看的秒数。",
    "Say why a message is not delivered yet, or that it is, and what speaks for it.": (
        "说明一条消息为何尚未送达（或已送达），以及依据。"
    ),
    "Joins the network for it. Works when the client cannot start, and says why it does not.": (
        "为此会加入网络。客户端无法启动时也能使用，并说明原因。"
    ),
    "Waiting until it is known where the message is, {seconds} s at most…": (
        "正在查明消息的去向，最多 {seconds} 秒……"
    ),
    # What is here of a conversation
    "Seconds to compare at most.": "最多比对的秒数。",
    "Show up to where a contact or room is whole here, and which entries are missing.": (
        "显示某个联系人或房间的记录在这里完整到哪里，以及缺少哪些条目。"
    ),
    "Two members who see the same digest have come to the same heads.": (
        "看到相同摘要的两名成员，其记录到达了相同的末端。"
    ),
    "Comparing with whoever is there, {seconds} s at most…": (
        "正在与在线者比对，最多 {seconds} 秒……"
    ),
    "Nobody was there to compare with: this is what is known here.": (
        "没有人可以比对：以下只是这里已知的情况。"
    ),
    "Complete up to these heads (device, chain, entries, head):": (
        "完整到以下末端（设备、链、条目数、末端）："
    ),
    "Nothing was said here yet.": "这里还没有任何内容。",
    "Missing of {name}: {count} entries, {first} to {last} of the {chain} chain of {device}.": (
        "缺少 {name} 的 {count} 个条目：设备 {device} 的 {chain} 链中第 {first} 到 {last} 条。"
    ),
    "Missing: the entry {id}, which others build on.": "缺少条目 {id}，其他条目依赖于它。",
    "Nothing is known to be missing.": "没有已知的缺失。",
    "digest  {digest}": "摘要  {digest}",
    "Whoever sees the same digest has come to the same heads.": (
        "看到相同摘要者，其记录到达了相同的末端。"
    ),
    # It has arrived
    "{name} has read it.": "{name} 已读。",
    "{name} has it: a device of theirs has signed so.": "{name} 已收到：对方的一台设备已签名确认。",
    "{count} of {total} members have it; missing: {missing}.": (
        "{total} 名成员中有 {count} 名已收到；尚缺：{missing}。"
    ),
    "{name} wrote it, and it is here since {since}.": "由 {name} 所写，于 {since} 到达这里。",
    "Another device of yours wrote it; how far it has come, only that one knows.": (
        "这是你的另一台设备写的；进展如何只有那台设备知道。"
    ),
    "Nobody else is known to be in this room; who enters it may get it then.": (
        "此房间里没有其他已知成员；有人进入后或可收到。"
    ),
    "Everybody it was written for has left this room, or was removed, before getting it; nobody"
    " else is given it.": "它的收信人在收到之前都已离开此房间或被移出；不会再给其他人。",
    # What forbids it
    "You block {name}, so nothing is sent to them.": "你屏蔽了 {name}，因此不会向其发送任何内容。",
    "You have removed {name} from your contacts, so nothing is sent to them.": (
        "你已把 {name} 移出联系人，因此不会向其发送任何内容。"
    ),
    "A device of {name} speaks for another account now; nothing is sent before you have confirmed"
    " that this is right.": "{name} 的一台设备现在代表另一个账号；在你确认无误之前不会发送。",
    "{name} was handed your request and has not accepted it yet; messages leave when they do.": (
        "请求已交给 {name}，对方尚未接受；接受后消息才会发出。"
    ),
    "{name} has refused your request, so no message is sent to them.": (
        "{name} 拒绝了你的请求，因此不会向其发送消息。"
    ),
    "All devices of {name} that are known here were revoked; it leaves when a new one of theirs is"
    " found.": "这里已知的 {name} 的所有设备都已被撤销；找到对方的新设备后才会发出。",
    "This device was revoked by another one of yours: nobody takes anything new of it.": (
        "此设备已被你的另一台设备撤销：他人不再接受它的新内容。"
    ),
    "Two programs have written with the key of this device, as after a copy of its home was put"
    " back; others keep both histories, and {name} has not confirmed this one yet.": (
        "有两个程序用过此设备的密钥写消息，例如放回了主目录的副本；"
        "他人会保留两份历史，{name} 尚未确认这一份。"
    ),
    "You have left this room, so nothing more is sent there.": (
        "你已离开此房间，因此不再向那里发送。"
    ),
    "You are no member of {room} any more, so nobody there takes it.": (
        "你已不是 {room} 的成员，那里没有人会接收它。"
    ),
    "You may only read in {room} now, so nobody there takes it.": (
        "你在 {room} 中现在只能阅读，那里没有人会接收它。"
    ),
    "{room} has no key to seal messages with since somebody was removed; it leaves when an admin is"
    " online who opens the next one.": (
        "有人被移出后，{room} 没有可用于加密消息的密钥；等管理员上线开启下一把密钥后才会发出。"
    ),
    # It is under way
    "It was handed to {name} on an open connection; their receipt is yet to come.": (
        "已通过现有连接交给 {name}；尚待对方的回执。"
    ),
    "{name} is connected and has not confirmed it; it is sent again.": (
        "{name} 已连接但尚未确认；将会重新发送。"
    ),
    "{name} is being looked for.": "正在寻找 {name}。",
    "{name} could not be reached; it is tried again by itself.": "无法联系到 {name}；会自动重试。",
    "It waits for {name} in their mailbox since {since}.": (
        "自 {since} 起在 {name} 的信箱中等待领取。"
    ),
    # Nobody can be reached from here
    "This machine has no route to {name}.": "本机没有通往 {name} 的路由。",
    "Every known address of {name} lies in a network that you block.": (
        "{name} 的所有已知地址都在你屏蔽的网络中。"
    ),
    "The clock of this machine differs from that of others, so that {name} is not heard on this"
    " network.": "本机时钟与他人的不一致，因此在此网络中听不到 {name}。",
    "The clock of {name} is wrong, so that they are not heard on this network.": (
        "{name} 的时钟有误，因此在此网络中听不到对方。"
    ),
    "Your clock and that of {name} differ, so that you do not hear each other on this network; one"
    " of the two is wrong.": "你与 {name} 的时钟不一致，因此在此网络中互相听不到；其中一方有误。",
    "{name} uses another LAN secret than you, so you do not find each other.": (
        "{name} 使用的局域网密钥与你不同，因此互相找不到。"
    ),
    # The recipient cannot be reached
    "{name} speaks only another version of the protocol; one of you has to update DChat.": (
        "{name} 只支持另一个版本的协议；需有一方升级 DChat。"
    ),
    "{name} is away, and their mailbox is full until they fetch what lies there.": (
        "{name} 不在线，其信箱已满，要等对方取走其中的内容。"
    ),
    "{name} is away, and their mailbox takes nothing of you.": (
        "{name} 不在线，其信箱不接受你的内容。"
    ),
    "{name} is away, and the relay that keeps their mail takes nothing as large.": (
        "{name} 不在线，保管其信件的中继不接受这么大的内容。"
    ),
    "The relay that leads to {name} is full.": "通往 {name} 的中继已满。",
    "The relay that leads to {name} does not answer.": "通往 {name} 的中继没有应答。",
    "Somebody else answers where {name} should be.": "在 {name} 应在之处应答的是别人。",
    "{name} answers and takes no connection from you.": "{name} 有应答，但不接受你的连接。",
    "Nothing answers at the known addresses of {name} in time.": (
        "{name} 的已知地址在限定时间内没有应答。"
    ),
    "At the known address of {name} the connection is refused: no program listens there.": (
        "{name} 的已知地址拒绝连接：那里没有程序在监听。"
    ),
    "{name} is offline since {since}.": "{name} 自 {since} 起离线。",
    "{name} was never seen: no device of theirs was found since you know them.": (
        "从未见过 {name}：自你认识对方以来没有找到过其任何设备。"
    ),
    # No client runs here
    "Another program has this home open, and it alone knows; ask it there.": (
        "另一个程序正在使用此主目录，只有它知道；请在那里查询。"
    ),
    "The disk that holds the home is full, so nothing can be kept or sent.": (
        "主目录所在的磁盘已满，无法保存或发送任何内容。"
    ),
    "The home is locked, so nothing leaves it before it is opened.": (
        "主目录已锁定，打开之前不会发出任何内容。"
    ),
    "The client cannot start, so nothing leaves it.": "客户端无法启动，因此不会发出任何内容。",
    # What speaks for it
    "{name}: {why}": "{name}：{why}",
    "{error}: {message}": "{error}：{message}",
    "{address}: {outcome} ({reason})": "{address}：{outcome}（{reason}）",
    "Its receipt is of {time}.": "其回执的时间为 {time}。",
    "They have not accepted your request yet.": "对方尚未接受你的请求。",
    "No device of theirs is known here.": "这里不知道对方的任何设备。",
    "Device {peer} is connected.": "设备 {peer} 已连接。",
    "It speaks {protocols}.": "它支持 {protocols}。",
    "Device {peer} is being dialled.": "正在连接设备 {peer}。",
    "Tried {count} times; last error: {error}.": "已尝试 {count} 次；最近的错误：{error}。",
    "It was last connected at {time}.": "最近一次连接于 {time}。",
    "Its last receipt is of {time}.": "其最近的回执时间为 {time}。",
    "It was last tried at {time}.": "最近一次尝试于 {time}。",
    "It was not reached: {reason}": "未能联系到：{reason}",
    "A look-up in the network found no address of it.": "在网络中查询，没有找到它的地址。",
    "Kept by {relays}.": "保管者：{relays}。",
    "No mailbox took it at {time}: {reason}": "{time} 没有信箱接收它：{reason}",
    "A letter to its mailbox is on its way.": "正在向其信箱投递。",
    "Its clock is {seconds} s ahead of ours (behind, when negative).": (
        "其时钟比本机快 {seconds} 秒（负数表示慢）。"
    ),
    "LAN packets refused for another secret in the last minute: {count}.": (
        "最近一分钟因密钥不同而拒绝的局域网数据包：{count}。"
    ),
    "This device's own history has two ends here.": "此设备自己的历史在这里有两个末端。",
    "Nobody at all is connected with this machine.": "没有任何人与本机相连。",
    # How dialling an address ended
    "another LAN secret": "局域网密钥不同",
    "the relay is at its limit": "中继已达上限",
    "not at the relay": "不在该中继上",
}
