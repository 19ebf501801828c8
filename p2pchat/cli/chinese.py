"""The command line in Chinese: by English sentence, which stands where it is used."""

from __future__ import annotations

from collections.abc import Mapping

from p2pchat.cli.chinese_chat import CHINESE_CHAT
from p2pchat.cli.chinese_doctor import CHINESE_DOCTOR
from p2pchat.cli.chinese_explaining import CHINESE_EXPLAINING
from p2pchat.cli.chinese_keeping import CHINESE_KEEPING
from p2pchat.cli.chinese_people import CHINESE_PEOPLE
from p2pchat.cli.chinese_rooms import CHINESE_ROOMS
from p2pchat.cli.chinese_trusting import CHINESE_TRUSTING

__all__ = ["CHINESE"]

CHINESE: Mapping[str, str] = {
    **CHINESE_CHAT,
    **CHINESE_DOCTOR,
    **CHINESE_EXPLAINING,
    **CHINESE_KEEPING,
    **CHINESE_PEOPLE,
    **CHINESE_ROOMS,
    **CHINESE_TRUSTING,
    # Help of the program and its options
    "Decentralized chat: no server, no account, encrypted from end to end.": (
        "去中心化聊天：没有服务器，无需注册账号，端到端加密。"
    ),
    "The options below may stand before or after the command. Each command has a --help of its"
    " own.": "以下选项可以写在命令之前或之后。每个命令都有自己的 --help。",
    "Print it and end.": "显示版本并退出。",
    "Where keys, contacts and messages are. Default: P2PCHAT_HOME, else the platform's directory"
    " for user data.": (
        "存放密钥、联系人和消息的目录。默认：环境变量 P2PCHAT_HOME，否则为系统的用户数据目录。"
    ),
    "Nickname of an identity made at first use. Default: the login name.": (
        "首次使用时所建身份的昵称。默认：系统登录名。"
    ),
    "Peer to dial first, a multiaddr with /p2p/<peer id>. Repeatable.": (
        "首先连接的节点，以 /p2p/<节点标识> 结尾的 multiaddr。可重复。"
    ),
    "Listen here, such as /ip4/0.0.0.0/tcp/4001. Repeatable.": (
        "监听地址，例如 /ip4/0.0.0.0/tcp/4001。可重复。"
    ),
    "Address that others shall dial. Repeatable.": "供他人连接的地址。可重复。",
    "Use neither fetched peers nor those of the package.": (
        "既不获取节点列表，也不使用软件包自带的节点。"
    ),
    "Take the device key from this file: 32 bytes, or 64 hex digits.": (
        "从此文件读取设备密钥：32 字节，或 64 位十六进制数字。"
    ),
    "Find others on this network; no internet is needed.": "在本地网络中寻找他人；无需互联网。",
    "Only who knows the secret in this file is found, and finds you. Default: P2PCHAT_LAN_SECRET,"
    " else everybody.": (
        "只有知道此文件中密钥的人才能互相发现。"
        "默认：环境变量 P2PCHAT_LAN_SECRET，否则对所有人开放。"
    ),
    "How much to log: debug, info, warning, error.": "日志级别：debug、info、warning、error。",
    "Language of messages, en or zh. Default: the locale's.": (
        "界面语言，en 或 zh。默认：系统语言。"
    ),
    "A new identity was made in {home}.": "已在 {home} 中创建新身份。",
    "Waiting for the network, {seconds} s at most…": "正在等待网络，最多 {seconds} 秒…",
    "Waiting for {name}, {seconds} s at most…": "正在等待 {name}，最多 {seconds} 秒…",
    "Waiting until {name} has it, {seconds} s at most…": (
        "正在等待 {name} 收到，最多 {seconds} 秒…"
    ),
    # Help of the commands
    "Make an identity and show it.": "创建身份并显示。",
    "Show who you are, and your contact link.": "显示你的身份和联系链接。",
    "Show how the network is: peers, relays, and how each contact is reached.": (
        "显示网络状况：节点、中继，以及如何联系到每位联系人。"
    ),
    "Joins the network for it, so no other program may have the home open.": (
        "为此会加入网络，因此不能有其他程序正在使用主目录。"
    ),
    "Write to a contact or room.": "给联系人或房间发消息。",
    "Waits until it is delivered, and says how far it came. A message that nobody took stays in"
    " the outbox; it is never lost.": (
        "等待送达，并说明进展。无人接收的消息留在发件箱中，绝不丢失。"
    ),
    "Its id; `p2pchat history --json` shows it.": "消息标识；`p2pchat history --json` 可显示它。",
    "What it says from now on; - reads it in.": "新的内容；- 表示从标准输入读取。",
    "Give a message of yours another text.": "修改你发过的一条消息。",
    "Take a message of yours back.": "撤回你发过的一条消息。",
    "Its words go from this disk, and from every disk that hears of it. Who has read it has read"
    " it.": "其内容会从本机以及每个得知撤回的设备上清除。已经读过的人仍然读过。",
    "Changed.": "已修改。",
    "A sign such as 👍.": "表情符号，例如 👍。",
    "Take it away again.": "取消该表情。",
    "Put an emoji to a message.": "用表情回应一条消息。",
    "Deleted.": "已撤回。",
    "[deleted]": "[已撤回]",
    "edited": "已修改",
    "Show the newest messages of a contact or room.": "显示联系人或房间的最新消息。",
    "Find messages by their words, the newest first.": "按内容查找消息，最新的在前。",
    "All words must occur, in whatever order and case; three letters and more are taken for the"
    " beginning of a word, and Chinese is found from one character on.": (
        "所有词都必须出现，不分顺序和大小写；三个字母以上按词首查找，中文从一个字起即可查到。"
    ),
    "What to look for; spaces separate words.": "要查找的内容；词之间用空格分隔。",
    "Only in this contact or room.": "只在此联系人或房间中查找。",
    "Nothing was found.": "没有找到。",
    "Refuse somebody, or a network: no connection, no message, in either direction.": (
        "屏蔽某人或网段：双方都不再建立连接，也不收发消息。"
    ),
    "Welcome somebody again who was blocked.": "取消屏蔽。",
    "List who is blocked.": "列出已屏蔽的对象。",
    "Contact, account, peer id, or network such as 10.0.0.0/8.": (
        "联系人、账号、节点标识，或网段，例如 10.0.0.0/8。"
    ),
    "Run a client that other programs drive.": "运行由其他程序驱动的客户端。",
    "It speaks JSON-RPC 2.0 on standard input and output, one JSON object a line. Events come as"
    " notifications. The method `shutdown`, or the end of the input, ends it.": (
        "通过标准输入和输出使用 JSON-RPC 2.0,每行一个 JSON 对象。事件以通知形式发出。"
        "调用 `shutdown` 方法或输入结束时退出。"
    ),
    "People: list them, ask them, accept or reject who asks.": (
        "联系人：列出、请求添加，接受或拒绝请求。"
    ),
    "List contacts, and those you asked.": "列出联系人和已发出的请求。",
    "List who asks to be a contact.": "列出收到的联系人请求。",
    "Ask the owner of a contact link to be a contact.": "请求添加联系链接的主人为联系人。",
    "Accept who asks to be a contact.": "接受联系人请求。",
    "Reject who asks; asking again does not reach you.": "拒绝请求；对方再次请求也不会打扰你。",
    "Print JSON instead of sentences.": "输出 JSON。",
    "Seconds to wait at most.": "最多等待的秒数。",
    "Name or id of a contact or room, or a contact's account.": (
        "联系人或房间的名称或标识，或联系人的账号。"
    ),
    "Account of who asks.": "请求者的账号。",
    "To {name}, {account}": "发给 {name}，{account}",
    "What to write, 32 KiB at most; - reads it in.": "消息内容，最多 32 KiB；- 表示从标准输入读。",
    "How many messages.": "消息条数。",
    "Only those before this one.": "只显示此消息之前的。",
    "Their contact link, dchat://u/…": "对方的联系链接，dchat://u/…",
    # What the commands say
    "name          {name}": "昵称      {name}",
    "account       {account}": "账号      {account}",
    "peer id       {peer_id}": "节点标识  {peer_id}",
    "contact link  {link}": "联系链接  {link}",
    "health         {health}": "网络状况    {health}",
    "reachability   {reach}": "可达性      {reach}",
    "peers          {count}, {known} known": "节点        {count}，已知 {known}",
    "relays         {count}": "中继        {count}",
    "mailboxes      {count}": "邮箱        {count}",
    "outbox         {count}": "发件箱      {count}",
    "last sync      {when}": "上次同步    {when}",
    "own address    {address}": "本机地址    {address}",
    "open LAN       {count} found, port {port}": "开放局域网  找到 {count} 个，端口 {port}",
    "closed LAN     {count} found, port {port}": "加密局域网  找到 {count} 个，端口 {port}",
    "No peer is connected. `p2pchat doctor` looks for the reason.": (
        "没有连接任何节点。可用 `p2pchat doctor` 查找原因。"
    ),
    "Nobody else is found on this network.": "在此网络中没有找到其他人。",
    "not connected": "未连接",
    "No contacts yet. Give your contact link away.": "还没有联系人。把你的联系链接发给别人吧。",
    "Nobody asks to be a contact.": "没有联系人请求。",
    "{name} and you are contacts now.": "你和 {name} 已互为联系人。",
    "Asked. They have to accept before you can write to each other.": (
        "请求已送达。对方接受后你们即可互发消息。"
    ),
    "Asked, but they were not reached: the question leaves when a node runs here.": (
        "请求已保存，但未能联系到对方；本机节点运行时会继续发送。"
    ),
    "They were not reached yet: they learn of it when they fetch their mail, or when both of you"
    " are there.": "尚未联系到对方：对方取信时，或双方同时在线时，就会得知。",
    "Rejected {account}.": "已拒绝 {account}。",
    "Blocked {target}.": "已屏蔽 {target}。",
    "Unblocked {target}.": "已取消屏蔽 {target}。",
    "Nobody is blocked.": "没有屏蔽任何对象。",
    "in the configuration": "来自配置文件",
    "Queued: nobody took it yet. It stays in the outbox and leaves when a node runs here and they"
    " can be reached.": (
        "排队中：还没有人接收。消息留在发件箱中，待本机节点运行且能联系到对方时发出。"
    ),
    "Sent: on its way, or kept by relays of theirs until they fetch it. They have not acknowledged"
    " it yet; nothing is lost if they never do.": (
        "已发出：正在途中，或由对方的中继保管，等对方来取。对方尚未确认；即使不确认也不会丢失。"
    ),
    "Saying goodbye to the network…": "正在离开网络…",
    "Delivered: it is on their disk.": "已送达：消息已存入对方磁盘。",
    "Read.": "已读。",
    "Failed: it is not sent any more.": "失败：不再发送。",
    # States and steps
    "asked": "已请求",
    "request": "请求中",
    "accepted": "已接受",
    "blocked": "已屏蔽",
    "account": "账号",
    "peer": "节点",
    "subnet": "网段",
    "good": "良好",
    "poor": "较差",
    "offline": "离线",
    "lan": "局域网",
    "direct": "直连",
    "punched": "打洞直连",
    "relayed": "中继",
    "queued": "排队中",
    "sent": "已发出",
    "delivered": "已送达",
    "read": "已读",
    "failed": "失败",
    "network detected": "检测到网络",
    "listening": "正在监听",
    "bootstrap connecting": "正在连接引导节点",
    "bootstrap connected": "已连接引导节点",
    "relays discovering": "正在寻找中继",
    "relays discovered": "找到中继",
    "relay probed": "已测试中继",
    "relay selected": "已选定中继",
    "keys fetching": "正在获取密钥",
    "keys ready": "密钥就绪",
    "ready": "就绪",
}
