"""The commands about rooms in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CHINESE_ROOMS"]

CHINESE_ROOMS: Mapping[str, str] = {
    # Help
    "Rooms: make one, enter or leave one, say who is in it and what they may do.": (
        "房间：创建、加入、离开，决定谁在其中、可以做什么。"
    ),
    "List the rooms you are in.": "列出你所在的房间。",
    "Make a room by invitation.": "创建邀请制房间。",
    "What newcomers may read of what was said before; fixed for good.": (
        "新成员能看到之前的哪些内容；创建后不可更改。"
    ),
    "With --history newcomers read less than all that was said before they came: the last N"
    " messages, what is said from their joining on, or only what is said by those who know that"
    " they are in.": (
        "用 --history 可限制新成员看到的旧内容：最近 N 条消息（last:N）、"
        "加入之后的内容（joining），或只有知道其已加入的人所说的话（none）。"
    ),
    "Newcomers may read of its history: {history}.": "新成员可见的历史：{history}。",
    "What this room's history ({history}) does not give you is not counted as missing.": (
        "此房间的历史规则（{history}）不给你的内容，不算缺失。"
    ),
    "Give a room by invitation another name. Its owners and admins do this.": (
        "为邀请制房间改名。由房主和管理员执行。"
    ),
    "Say what a room by invitation is about. Its owners and admins do this.": (
        "说明邀请制房间的主题。由房主和管理员执行。"
    ),
    "Say what all in a room by invitation shall know. Its owners and admins do this.": (
        "在邀请制房间发布所有人都应知道的公告。由房主和管理员执行。"
    ),
    "It stays until something else is announced. An empty text takes it away.": (
        "公告会保留到下一条公告为止。内容为空则撤下。"
    ),
    "500 characters at most; empty for nothing.": "最多 500 个字符；留空则清除。",
    "1,000 characters at most; empty for nothing.": "最多 1,000 个字符；留空则清除。",
    "Keep a message of a room in sight of all. Its owners and admins do this.": (
        "置顶房间中的一条消息，所有人可见。由房主和管理员执行。"
    ),
    "List the messages that a room keeps in sight.": "列出房间置顶的消息。",
    "Nothing is pinned.": "没有置顶消息。",
    "The room is called {name} now.": "房间现在名为 {name}。",
    "What {name} is about is said anew.": "{name} 的说明已更新。",
    "Announced in {name}.": "已在 {name} 发布公告。",
    "Give the room that is open another name.": "为当前打开的房间改名。",
    "Say what it is about; - for nothing.": "说明房间的主题；输入 - 清除。",
    "Say what all in it shall know; - takes it away.": "发布公告；输入 - 撤下。",
    "{who} says what {name} is about: {said}": "{who} 说明了 {name} 的主题：{said}",
    "{who} gave the room the name {said}.": "{who} 将房间改名为 {said}。",
    "{who} announces in {name}: {said}": "{who} 在 {name} 发布公告：{said}",
    "Announced: {said}": "公告：{said}",
    "Nobody gets in whom its owners or admins do not admit. Owners are fixed for good, and a room"
    " whose only owner is lost gets no other: name a second one. Two rooms of one name are two"
    " rooms.": (
        "只有房主或管理员允许的人才能进入。房主一经确定不可更改，唯一的房主丢失后无法补上："
        "请再指定一位。两个同名的房间是两个不同的房间。"
    ),
    "What it is called, 64 characters at most.": "房间名称，最多 64 个字符。",
    "Name or account of a contact who shall own it with you; two at most. Repeatable.": (
        "与你同为房主的联系人的名字或账号；最多两位。可重复。"
    ),
    "Name of the room.": "房间的名称。",
    "It is a room by password; the password is asked for.": "这是密码制房间；会询问密码。",
    "The password of the room stands in this file.": "从此文件读取房间密码。",
    "Enter an open room, or a room by password.": "加入开放房间，或密码制房间。",
    "An open room is public: whoever knows its name reads and writes there. A room by password is"
    " for all who know its name and password. A wrong password is not noticed by anybody: it leads"
    " to another room, where nobody is.": (
        "开放房间是公开的：知道名称的人都能在其中阅读和发言。密码制房间面向所有知道名称和密码的人。"
        "密码输错时没有人会察觉：那会进入另一个空无一人的房间。"
    ),
    "Password of the room: ": "房间密码：",
    "Who types another password is in another room, and nobody can tell them.": (
        "密码不同就会进入另一个房间，而且没有人能提醒。"
    ),
    "Careful: you are in another room of this name, with another password.": (
        "注意：你还在另一个同名但密码不同的房间中。"
    ),
    "Take contacts into a room by invitation.": "让联系人加入邀请制房间。",
    "Names or accounts of contacts.": "联系人的名字或账号。",
    "They get what was said before, too. It takes an owner or an admin. If one of them is no"
    " contact of yours, nobody is taken in.": (
        "对方也会得到以前的消息。需由房主或管理员操作。如果其中有人不是你的联系人，则谁都不会加入。"
    ),
    "List the rooms that somebody took you into, and that wait for your word.": (
        "列出别人邀你进入、等你答复的房间。"
    ),
    "Go into a room that somebody took you into.": "进入别人邀你进入的房间。",
    "Stay out of a room that somebody took you into; its members are told.": (
        "不进入别人邀你进入的房间；会通知其成员。"
    ),
    "Name or id of a room under `rooms requests`.": "`rooms requests` 中房间的名称或标识。",
    "Say into whose rooms you go without being asked.": "设定可直接进入谁的房间而不必询问。",
    "With contacts, a room of a contact appears by itself. With ask, each one waits under `rooms"
    " requests`. With nobody, you stay out of all of them. Rooms you are in stay.": (
        "contacts：联系人的房间会自动出现。ask：每个房间都在 `rooms requests` 中等你答复。"
        "nobody：一概不进入。你已在其中的房间不受影响。"
    ),
    "contacts, ask or nobody. Without it, the present setting is shown.": (
        "contacts（联系人）、ask（询问）或 nobody（谁都不行）。不写则显示当前设置。"
    ),
    "Say what a member may do.": "设定成员的权限。",
    "Owners make and unmake admins. Owners and admins admit, remove and ban, and say who may only"
    " read. Nobody changes an owner.": (
        "房主任免管理员。房主和管理员可以接纳、移除、封禁成员，并设定谁只能阅读。没有人能更改房主。"
    ),
    "admin, member or read-only.": "admin（管理员）、member（成员）或 read-only（只读）。",
    "Remove a member.": "移除成员。",
    "They read nothing that is said from then on, and keep what they could read before. They may be"
    " admitted again.": (
        "此后的消息对方都看不到；以前能看到的内容仍保留在对方那里。可以重新接纳对方。"
    ),
    "Remove an account and keep it out, until `unban`.": (
        "移除账号并禁止其再次加入，直到用 `unban` 解除。"
    ),
    "Lift a ban; that admits nobody yet.": "解除封禁；对方并不因此回到房间。",
    "Account of who is banned.": "被封禁者的账号。",
    "List who is in a room, and what they may do.": "列出房间成员及其权限。",
    "Do not ask before what cannot be undone.": "执行无法撤销的操作前不再询问。",
    "You own this room, and nobody else is in it: leaving ends it for good, for you as well. Leave?"
    " [y/N] ": (
        "你是房主，房间里没有其他人：离开后房间就永远结束，你自己也不能再回来。离开吗？[y/N] "
    ),
    "You have not left {name}.": "你没有离开 {name}。",
    "Leave a room and forget what others said in it.": "离开房间，并删除本机上其他人说过的内容。",
    "What you said stays on this device, is shown nowhere, and is there again when you come back:"
    " the others may not have all of it yet.": (
        "你自己说过的话留在本机上，哪里都不显示；回到房间时会重新出现，因为其他人可能还没有全部收到。"
    ),
    "Name or id of the room.": "房间的名称或标识。",
    "Name or account of the member.": "成员的名字或账号。",
    # What the commands say
    "No rooms yet. `p2pchat rooms create NAME` makes one.": (
        "还没有房间。用 `p2pchat rooms create 名称` 创建一个。"
    ),
    "{name} is made, and you own it. Its id is {id}": "{name} 已创建，你是房主。标识为 {id}",
    "You are in {name}. What was written there comes when a node runs here.": (
        "你已在 {name} 中。本机节点运行时会取得其中的消息。"
    ),
    "It is public: whoever knows its name reads and writes there.": (
        "它是公开的：知道名称的人都能在其中阅读和发言。"
    ),
    "{name} is in {room} now.": "{name} 现在已在 {room} 中。",
    "{name} is {role} in {room} now.": "{name} 现在是 {room} 的{role}。",
    "{name} is out of {room}, and reads nothing that is said there from now on.": (
        "{name} 已不在 {room} 中，此后的消息对方都看不到。"
    ),
    "{account} is not banned from {room} any more.": "已解除 {account} 在 {room} 中的封禁。",
    "No room waits for your word.": "没有房间在等你答复。",
    "You stay out of {name}. They learn of it when a node runs here.": (
        "你不进入 {name}。本机节点运行时会通知对方。"
    ),
    "You go into the rooms of your contacts without being asked.": (
        "你会直接进入联系人的房间，不再询问。"
    ),
    "You are asked about each room: `p2pchat rooms requests` lists them.": (
        "每个房间都会询问你：可用 `p2pchat rooms requests` 查看。"
    ),
    "You stay out of the rooms of others.": "你不进入别人的房间。",
    "Waiting for the word of whom you asked, {seconds} s at most…": (
        "正在等待你所请求的人答复，最多 {seconds} 秒…"
    ),
    "Waiting for somebody of {name}, {seconds} s at most…": (
        "正在等待 {name} 中有人出现，最多 {seconds} 秒…"
    ),
    "Not reached yet: they learn of it when a node runs here.": (
        "尚未联系到对方；本机节点运行时会通知对方。"
    ),
    "Nobody of the room was reached, so they do not know that you left.": (
        "未能联系到房间中的任何人，因此他们不知道你已离开。"
    ),
    "Nobody is known to be in this room.": "此房间中还没有已知的成员。",
    "You have left {name}.": "你已离开 {name}。",
    "Careful: {name} mixes letters of several alphabets. A name that looks the same may be another"
    " room.": "注意：{name} 混用了多种字母。看起来相同的名称可能是另一个房间。",
    # Kinds and roles
    "by invitation": "邀请制",
    "public": "公开",
    "by password": "密码制",
    "owner": "房主",
    "admin": "管理员",
    "member": "成员",
    "read-only": "只读成员",
    "removed": "已移除",
    "banned": "已封禁",
    "joining": "等待加入",
    # Links into rooms
    "Name of the room, or a link into it.": "房间名称，或进入房间的链接。",
    "Do not ask before members are dialled.": "联系成员前不再询问。",
    "Enter an open room, a room by password, or a room by invitation with a link.": (
        "加入开放房间、密码制房间，或凭链接加入邀请制房间。"
    ),
    "An open room is public: whoever knows its name reads and writes there. A room by password is"
    " for all who know its name and password. A wrong password is not noticed by anybody: it leads"
    " to another room, where nobody is. A link says which room it leads to before anybody is"
    " asked.": (
        "开放房间是公开的：知道名称的人都能在其中阅读和发言。密码制房间面向所有知道名称和密码的人。"
        "密码输错时没有人会察觉：那会进入另一个空无一人的房间。"
        "链接会先显示通往哪个房间，然后才联系他人。"
    ),
    "A link into a room.": "进入房间的链接。",
    "Enter a room by invitation with a link, as `join` does; for scripts with --yes.": (
        "凭链接加入邀请制房间，与 `join` 相同；脚本请加 --yes。"
    ),
    "Give a link that lets whoever has it into a room.": "生成一个链接，持有者可凭它进入房间。",
    "It takes an owner or an admin. Any member lets them in, also when no admin is there.": (
        "需由房主或管理员操作。任何成员都可凭此放行，管理员不在线也可以。"
    ),
    "How many accounts it lets in.": "可让多少个账号进入。",
    "How long it is good for.": "有效天数。",
    "List the invitations to a room that are still good for somebody.": "列出房间仍可使用的邀请。",
    "Its id, or how that begins; see `invitations`.": "邀请的标识或其开头；见 `invitations`。",
    "Take an invitation back: its link lets nobody in any more.": "收回邀请：其链接不再有效。",
    "Name or id of a room that you wait to enter.": "你正等待加入的房间的名称或标识。",
    "Ask no more to be let into a room by its link.": "不再请求凭链接加入房间。",
    "invitation  {link}": "邀请链接  {link}",
    "Whoever has it gets in. It is shown once: copy it now.": (
        "持有此链接的人都能进入。它只显示一次：请立即复制。"
    ),
    "No invitations. `p2pchat rooms invite ROOM` gives one.": (
        "没有邀请。用 `p2pchat rooms invite ROOM` 生成。"
    ),
    "Taken back. Others hear of it when a node runs here.": "已收回。节点在此运行时其他人会得知。",
    "{name}, a room to which {giver} invites": "{name}，由 {giver} 邀请加入的房间",
    "Ask its members to let you in? They learn your addresses. [y/N] ": (
        "请求其成员让你加入吗？他们会得知你的地址。[y/N] "
    ),
    "Nobody has let you into {name} yet. Asking goes on while a node runs.": (
        "还没有人让你加入 {name}。节点运行期间会继续请求。"
    ),
    "You are in {name}. Its id is {id}": "你已加入 {name}。标识为 {id}",
    "Nobody is asked any more.": "不再请求任何人。",
}
