"""The doctor's words in Chinese: by English sentence, which stands where it is used
(`protocol.remedies`, `protocol.doctor`, `cli.doctor`)."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CHINESE_DOCTOR"]

CHINESE_DOCTOR: Mapping[str, str] = {
    # Help
    "Find out what is wrong, and say what to do.": "检查哪里出了问题，并说明如何解决。",
    "Takes ten seconds at most, and works when nothing else does. What it prints is fit to be shown"
    " to others: it holds no text, no contact, no name and no key.": (
        "最多十秒；即使其他命令都无法运行也能使用。"
        "输出可以放心给别人看：不含消息、联系人、名字和密钥。"
    ),
    "Leave peer ids as they are; else they are shortened.": "保留完整的节点标识；默认会缩短。",
    # What is wrong, and what to do
    "Another program has this home open.": "另一个程序正在使用这个主目录。",
    "End it first, or give each program a home of its own with --home.": (
        "请先结束它，或用 --home 给每个程序各自的主目录。"
    ),
    "The disk that holds the home is full, so nothing more can be kept.": (
        "主目录所在的磁盘已满，无法再保存内容。"
    ),
    "Free some space; nothing that was acknowledged is lost.": (
        "请腾出一些空间；已确认的内容不会丢失。"
    ),
    "The configuration has a mistake.": "配置有误。",
    "Mend the line in config.toml, or the option that you gave.": (
        "请改正 config.toml 中的那一行，或你给出的选项。"
    ),
    "The home directory cannot be made or written.": "无法创建或写入主目录。",
    "Choose a directory that you may write to with --home, or mend its permissions.": (
        "请用 --home 选择一个可写的目录，或修正其权限。"
    ),
    "The home is damaged, or its key is not the one that it was made with.": (
        "主目录已损坏，或密钥不是创建它时的那一个。"
    ),
    "Put back the files of the home from a copy, key and database together.": (
        "请从备份恢复主目录的文件，密钥和数据库要一起恢复。"
    ),
    "Another program listens on a port that this client should listen on.": (
        "另一个程序占用了本客户端要监听的端口。"
    ),
    "End the other program, or choose another port with --listen or in config.toml.": (
        "请结束那个程序，或用 --listen 或 config.toml 选择其他端口。"
    ),
    "The client cannot start.": "客户端无法启动。",
    "Read the evidence; if it does not help, report it together with this diagnosis.": (
        "请看下面的依据；如果没有帮助，请连同此诊断一起报告。"
    ),
    "This program is too old: others speak, or wrote, only a later version.": (
        "本程序版本太旧：对方或数据只支持更新的版本。"
    ),
    "Update DChat.": "请升级 DChat。",
    "This machine is in no network.": "本机没有连接任何网络。",
    "Plug in a cable or join a Wi-Fi network, and look whether the interface is up.": (
        "请插上网线或加入 Wi-Fi，并检查网卡是否启用。"
    ),
    "This machine is in a network that leads nowhere: it has no route to others.": (
        "本机所在的网络不通：没有通往他人的路由。"
    ),
    "Look whether the router is on and named as the default gateway (`ip route`); joining the"
    " network anew often helps.": (
        "请检查路由器是否开启、是否为默认网关（`ip route`）；重新加入网络往往有效。"
    ),
    "Names cannot be looked up: no name server answers.": "无法解析域名：没有 DNS 服务器应答。",
    "Set another name server in the system's network settings, such as the router's address;"
    " relays that are given by IP address need none.": (
        "请在系统网络设置中换一个 DNS 服务器，例如路由器的地址；用 IP 地址给出的中继不需要它。"
    ),
    "The clock of this machine differs from that of others.": "本机时钟与他人的不一致。",
    "Let the system set its clock by the network. On a LAN packets are refused from 90 s on,"
    " and servers are not trusted when the date is wrong.": (
        "请让系统通过网络校准时钟。局域网中相差 90 秒以上的数据包会被拒绝；"
        "日期错误时服务器也不被信任。"
    ),
    "You block those whom you try to reach.": "你要联系的对象正被你自己屏蔽。",
    "Look at `p2pchat blocks`, and at [blocks] and lan.allowed_subnets in config.toml;"
    " `p2pchat unblock` takes one back.": (
        "请查看 `p2pchat blocks`，以及 config.toml 中的 [blocks] 和 lan.allowed_subnets；"
        "用 `p2pchat unblock` 取消屏蔽。"
    ),
    "A bootstrap list is wrong: it is no such list, or others answer than it names.": (
        "引导节点列表有误：它不是这种列表，或应答的并非其所列的节点。"
    ),
    "Ask who keeps the list, use another one, or name a relay that you trust with"
    " --bootstrap-peer. Nobody was spoken to who is not who they should be.": (
        "请询问列表的维护者，换一个列表，或用 --bootstrap-peer 指定可信的中继。没有与冒名者通信。"
    ),
    "Somebody else answers where a known peer should be.": "在已知节点的地址上应答的是别人。",
    "Ask for the address again: a relay that lost its key has a new peer id after /p2p/.": (
        "请重新索取地址：丢失密钥的中继在 /p2p/ 之后会有新的节点标识。"
    ),
    "No bootstrap list could be fetched.": "无法获取任何引导节点列表。",
    "Look whether the server is there and the URL is right; a relay that is named with"
    " --bootstrap-peer does as well.": (
        "请检查服务器是否在线、网址是否正确；也可以用 --bootstrap-peer 指定中继。"
    ),
    "Peers that lead into the network do not answer.": "通往网络的节点没有应答。",
    "Ask who runs them whether they are up and their port is open, or name others with"
    " --bootstrap-peer.": (
        "请询问其运营者是否在线、端口是否开放，或用 --bootstrap-peer 指定其他节点。"
    ),
    "Others on this network use another LAN secret than you.": (
        "此网络中的其他人使用了不同的局域网密钥。"
    ),
    "Give all of them the same secret, character by character, or none.": (
        "请让所有人使用完全相同的密钥，或都不用密钥。"
    ),
    "Others on this network are heard, but do not take a connection.": (
        "能听到此网络中的其他人，但他们不接受连接。"
    ),
    "Allow TCP port {ports} in their firewall, and look whether the Wi-Fi keeps its guests"
    " apart (client isolation).": (
        "请在对方防火墙中放行 TCP 端口 {ports}，并检查 Wi-Fi 是否开启了客户端隔离。"
    ),
    "The clock of this machine differs from that of one other; one of the two is wrong.": (
        "本机的时钟与另一方的不一致；其中一个是错的。"
    ),
    "Compare both with a third clock, and let the system of the wrong one set it by the network."
    " On a LAN packets are refused from 90 s on.": (
        "请与第三个时钟比较，并让出错的系统通过网络校时。相差 90 秒以上时，局域网会拒绝数据包。"
    ),
    "A line of the configuration is ignored, because nobody knows its key.": (
        "配置中有一行被忽略：没有这个设置项。"
    ),
    "Mend its spelling, or take it out.": "请改正拼写，或删除这一行。",
    "The host name of a peer is not known.": "找不到某个节点的主机名。",
    "Look whether it is written as you were told.": "请检查它是否与别人告诉你的一致。",
    "Somebody answers, and takes no connection from you.": "对方有应答，但不接受你的连接。",
    "They may refuse you, your network, or anybody for the moment: ask who runs it. Nothing has to"
    " be opened in a firewall.": (
        "对方可能拒绝了你、你的网络，或暂时拒绝所有人：请询问其运营者。无需在防火墙中放行。"
    ),
    "Nobody else was heard on this network yet.": "在此网络中还没有听到其他人。",
    "Start DChat with --lan on another machine of this network, and let UDP port {port} in on both;"
    " some Wi-Fi keeps its guests apart. Ask again in half a minute.": (
        "请在此网络的另一台机器上用 --lan 启动 DChat，并在双方放行 UDP 端口 {port}；"
        "有些 Wi-Fi 会隔离客户端。半分钟后再试。"
    ),
    "Nobody is connected, and nothing is found that would be in the way.": (
        "没有连接任何节点，也没有发现障碍。"
    ),
    "Ask again in a minute, for trying goes on; look whether the others are there, and whether one"
    " of you blocks the other.": (
        "程序会继续尝试，请一分钟后再试；请检查对方是否在线，以及是否有一方屏蔽了另一方。"
    ),
    "Nobody is known whom this client could ask.": "没有任何已知的节点可以询问。",
    "Name a relay or another client with --bootstrap-peer, or find others on your own network"
    " with --lan.": (
        "请用 --bootstrap-peer 指定一个中继或其他客户端，或用 --lan 在本地网络中寻找他人。"
    ),
    "A firewall drops what comes in: this machine has a public address, and nobody gets"
    " through.": "防火墙丢弃了进来的连接：本机有公网地址，但没有人能连进来。",
    "Allow the TCP port that this client listens on, in the machine's firewall and in the one"
    " of the provider; until then relays stand in.": (
        "请在本机和服务商的防火墙中放行本客户端监听的 TCP 端口；在此之前由中继代为转发。"
    ),
    "Nobody can dial this machine, and no relay is connected that would carry.": (
        "没有人能直接连接本机，也没有已连接的中继可以转发。"
    ),
    "Name a relay with --bootstrap-peer, or forward the port that this client listens on in the"
    " router.": "请用 --bootstrap-peer 指定中继，或在路由器上转发本客户端监听的端口。",
    "No relay holds a place for this client, and nobody can dial it.": (
        "没有中继为本客户端保留位置，也没有人能直接连接它。"
    ),
    "Name another relay with --bootstrap-peer, or ask who runs the relay to allow more"
    " reservations.": "请用 --bootstrap-peer 指定其他中继，或请中继的运营者允许更多预留。",
    "The router gives each connection another port (symmetric NAT), so that no direct"
    " connections come about.": (
        "路由器为每个连接分配不同的端口（对称型 NAT），因此无法建立直接连接。"
    ),
    "Nothing has to be done while a relay carries. To be faster, forward the port that this"
    " client listens on in the router.": (
        "有中继转发时无需处理。想要更快，可在路由器上转发本客户端监听的端口。"
    ),
    # Evidence
    "At the start: {error}: {message}": "启动时：{error}：{message}",
    "{free} KiB are free.": "剩余空间 {free} KiB。",
    "No interface that is up has an address.": "没有启用且带有地址的网卡。",
    "The addresses of this machine: {addresses}.": "本机地址：{addresses}。",
    "{name}: {error}": "{name}：{error}",
    "{source}: {error}": "{source}：{error}",
    "{source}: {complaint}": "{source}：{complaint}",
    "{peer}: {reason}": "{peer}：{reason}",
    "{peer} at {address}: {reason}": "{peer}，地址 {address}：{reason}",
    "{peer} speaks {protocols}.": "{peer} 使用 {protocols}。",
    "The clock of {who} ({origin}) is {span} ahead of ours.": (
        "{who}（{origin}）的时钟比本机快 {span}。"
    ),
    "The clock of {who} ({origin}) is {span} behind ours.": (
        "{who}（{origin}）的时钟比本机慢 {span}。"
    ),
    "Listened for {seconds} s, in {subnets}: nobody was heard.": (
        "已在 {subnets} 中监听 {seconds} 秒：没有听到任何人。"
    ),
    "Peers known: {known}; connected: none.": "已知节点：{known}；未连接任何节点。",
    "You block {nets}.": "你屏蔽了 {nets}。",
    "Peers that you block: {count}.": "你屏蔽的节点数：{count}。",
    "{warning}": "{warning}",
    # How dialling ended, and why packets were refused
    "refused": "被拒绝",
    "no answer": "没有应答",
    "no answer within 4 s": "4 秒内没有应答",
    "no route": "没有路由",
    "name not found": "找不到域名",
    "another answers": "应答的是别人",
    "another peer answers there": "那里应答的是别的节点",
    "blocked by you": "被你屏蔽",
    "turned away": "拒绝连接",
    "it ended the connection at once": "对方立即断开了连接",
    "the peer is blocked": "该节点已被屏蔽",
    "its address is in a blocked subnet": "其地址在被屏蔽的网段中",
    "its address is outside the allowed subnets": "其地址不在允许的网段中",
    "wrong secret": "密钥不同",
    "LAN packets refused: {count} ({reason}).": "拒绝的局域网数据包：{count}（{reason}）。",
    "No peer is configured, listed, remembered, or found on this network.": (
        "没有配置、列表、记忆中或本地网络里的任何节点。"
    ),
    "Others tried to dial {address} in vain.": "他人尝试连接 {address}，没有成功。",
    "Others tried to dial this machine in vain, and no connected peer is a relay.": (
        "他人尝试连接本机没有成功，且已连接的节点都不是中继。"
    ),
    "Peers see this machine at different ports of one address.": (
        "不同节点看到本机使用同一地址的不同端口。"
    ),
    # What the command says
    "Nothing is wrong.": "一切正常。",
    "Not found out in time: {steps}.": "未能及时查明：{steps}。",
    "p2pchat {version}, Python {python}, {system}": "p2pchat {version}，Python {python}，{system}",
    "Connected: {peers}, relays among them: {relays}; reachability: {reach}": (
        "已连接 {peers} 个节点，其中 {relays} 个中继；可达性：{reach}"
    ),
    "names": "域名",
    "lists": "节点列表",
    "peers": "节点",
    "reachability": "可达性",
    "public": "公网可达",
    "NAT": "NAT 之后",
    "unknown": "未知",
}
