"""What is said of settings that cannot be used, in Chinese: by English sentence with blanks.

They stand here without the key that an error begins with.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CHINESE_SETTINGS"]

_ADDRESSES: Mapping[str, str] = {
    "{value} cannot be used: {reason}": "无法使用 {value}：{reason}",
    "it must end in /p2p/<peer id>, as a node prints its addresses": (
        "地址必须以 /p2p/<节点标识> 结尾，与节点显示的地址一致"
    ),
    "listening needs an IP address, not a name; 0.0.0.0 means all": (
        "监听需要 IP 地址而不是名称；0.0.0.0 表示全部"
    ),
    "listening takes the form /ip4/<address>/tcp/<port> or /ip6/…": (
        "监听地址的形式为 /ip4/<地址>/tcp/<端口> 或 /ip6/…"
    ),
    "leave /p2p/<peer id> out; the node adds its own": (
        "请去掉 /p2p/<节点标识>；节点会加上自己的标识"
    ),
    "it must be PORT or HOST:PORT, such as 9464 or 127.0.0.1:9464": (
        "必须是 端口 或 主机:端口，例如 9464 或 127.0.0.1:9464"
    ),
    "the host must be an IP address, such as 127.0.0.1 or [::1]": (
        "主机必须是 IP 地址，例如 127.0.0.1 或 [::1]"
    ),
    "it is longer than {count} characters": "超过 {count} 个字符",
    "it holds characters that no address has": "含有地址中不会出现的字符",
    "it is no multiaddr, which looks like /ip4/203.0.113.7/tcp/4001": (
        "这不是节点地址，节点地址形如 /ip4/203.0.113.7/tcp/4001"
    ),
    "it is no multiaddr that can be read": "这不是可读取的节点地址",
    "what follows /p2p/ is no peer id; it may have been cut when copied": (
        "/p2p/ 之后不是节点标识；复制时可能被截断"
    ),
    "a port is a number from 0 to {most}": "端口是 0 到 {most} 之间的数字",
    "{host} is no {family} address": "{host} 不是 {family} 地址",
    "{name} is no part of an address that is known here": "{name} 不是已知的地址组成部分",
    "what shall follow /{name}/ is missing": "/{name}/ 之后缺少内容",
    "nobody can dial {host}; give the real address": "无人能连接 {host}；请给出真实地址",
    "it must begin with a host and a port: /ip4/<address>/tcp/<port>": (
        "必须以主机和端口开头：/ip4/<地址>/tcp/<端口>"
    ),
    "nobody can dial port 0; give the real port": "无人能连接端口 0；请给出真实端口",
    "{host} is a multicast or broadcast address, not that of a peer": (
        "{host} 是组播或广播地址，不是节点的地址"
    ),
    "/{name} has no place after the port": "端口之后不能有 /{name}",
    "{address} may not be used by you; take a port above 1023": (
        "你无权使用 {address}；请选择大于 1023 的端口"
    ),
    "{address} is not of this machine; 0.0.0.0 means all that it has": (
        "{address} 不是本机的地址；0.0.0.0 表示本机全部地址"
    ),
}
_LISTS: Mapping[str, str] = {
    "{url} is no URL; write https://<host>/<path>": "{url} 不是网址；请写成 https://<主机>/<路径>",
    "{url} is no URL: {reason}": "{url} 不是网址：{reason}",
    "{url} is no URL to fetch from; write https://<host>/<path>": (
        "无法从 {url} 获取；请写成 https://<主机>/<路径>"
    ),
    "{host}: leave user name and password out of the URL": "{host}：网址中请不要含用户名和密码",
    "{url} is not encrypted; use https, or set insecure if you accept any answer": (
        "{url} 未加密；请使用 https，若接受任何回答请设置 insecure"
    ),
    "{url}: give only one of ca_file, fingerprint and insecure": (
        "{url}：ca_file、fingerprint 和 insecure 只能给出一个"
    ),
    "{url}: only https has a certificate to check": "{url}：只有 https 才有可检查的证书",
    "{url}: there is no CA file {file}": "{url}：没有证书文件 {file}",
    "{url}: a fingerprint is the certificate's SHA-256, 64 hexadecimal digits"
    " (openssl x509 -noout -fingerprint -sha256)": (
        "{url}：指纹是证书的 SHA-256，64 位十六进制数字（openssl x509 -noout -fingerprint -sha256）"
    ),
    '{value} is neither "https://…" nor { url = "https://…", … }': (
        '{value} 既不是 "https://…"，也不是写有 url 的表'
    ),
    "{count} entries are too many; give {most} at most": "{count} 项太多；最多 {most} 项",
    "give a list, even of one: {value}": "请给出列表，只有一项也要写成：{value}",
    "{value} is none of {choices}": "{value} 不是 {choices} 之一",
    "{value} is not between 0 and {most} seconds": "{value} 不在 0 到 {most} 秒之间",
    "a relay must listen; give an address such as the default": (
        "中继必须监听；请给出地址，例如默认地址"
    ),
    "{account} is no account: {reason}": "{account} 不是账号：{reason}",
    "give a URL that begins with {prefix}, or take the line out": (
        "请给出以 {prefix} 开头的网址，或删除这一行"
    ),
}
_LAN: Mapping[str, str] = {
    "it needs a secret; else everybody is accepted": "需要设置密钥；否则任何人都会被接受",
    "{value} is not between 1 and {most} seconds": "{value} 不在 1 到 {most} 秒之间",
    "{value} must be more than heartbeat_s and at most {most} seconds": (
        "{value} 必须大于 heartbeat_s，且不超过 {most} 秒"
    ),
    "give only one of secret and secret_file": "secret 和 secret_file 只能给出一个",
    "it holds what UTF-8 cannot carry": "含有 UTF-8 无法表示的内容",
    "give at most {most} bytes": "最多 {most} 字节",
    "give 1 to {most} visible characters: no controls, no marks of direction": (
        "请输入 1 到 {most} 个可见字符，不含控制字符和方向标记"
    ),
    "give 1 to {most} visible characters": "请输入 1 到 {most} 个可见字符",
    "{host} is no IPv4 address": "{host} 不是 IPv4 地址",
    "{host} is no address of a machine": "{host} 不是一台机器的地址",
    "{port} is no port; give 1 to {most}": "{port} 不是端口；请给出 1 到 {most}",
    "give {most} at most": "最多 {most} 项",
    "{subnet} is not IPv4, which LAN mode speaks": "{subnet} 不是 IPv4；局域网模式只使用 IPv4",
    "{file} cannot be read: {reason}": "{file} 无法读取：{reason}",
    "{file} holds no secret": "{file} 中没有密钥",
    "{host} cannot be listened on: {reason}": "无法监听 {host}：{reason}",
    "{text} is no network; write 203.0.113.0/24, 2001:db8::/32, or an address alone": (
        "{text} 不是网段；请写成 203.0.113.0/24、2001:db8::/32，或单个地址"
    ),
}
_FILE: Mapping[str, str] = {
    "it is no text; put it in quotes": "不是文本；请加引号",
    "{value} is no text; put it in quotes": "{value} 不是文本；请加引号",
    "{value} is neither true nor false": "{value} 既不是 true 也不是 false",
    "{value} is no number": "{value} 不是数字",
    "give a list in brackets: {value}": "请写成方括号中的列表：{value}",
    "there is no such setting": "没有这个设置项",
    "it is there already": "已经存在",
    "{value} is no path: {reason}": "{value} 不是路径：{reason}",
    "{value} is no table; write [{name}] above its keys": "{value} 不是表；请在其键上方写 [{name}]",
    "it is empty; take the line out to let everybody in": "内容为空；要让所有人进入，请删除这一行",
    "{file} is unreadable: {reason}": "{file} 无法读取：{reason}",
    "{file} is no TOML: {reason}": "{file} 不是 TOML：{reason}",
    "{file} is nested too deeply": "{file} 嵌套过深",
    "it is written so that {keys} must be changed by hand": "文件的写法使 {keys} 只能手动修改",
    "{kind} is nothing that a file can hold": "文件无法存放 {kind}",
    "it was opened with settings that stand in no file; give it new ones": (
        "打开时的设置不在任何文件中；请直接给出新的设置"
    ),
}

CHINESE_SETTINGS: Mapping[str, str] = {**_ADDRESSES, **_LISTS, **_LAN, **_FILE}
