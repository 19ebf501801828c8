"""The commands about devices, verification and profiles in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CHINESE_TRUSTING"]

CHINESE_TRUSTING: Mapping[str, str] = {
    # Devices
    "Your devices: list them, revoke one that is lost.": "你的设备：列出，撤销丢失的设备。",
    "Without a command it lists them.": "不带子命令时列出所有设备。",
    "Revoke a device of yours for good: nothing new of it is taken any more.": (
        "永久撤销你的一台设备：此后不再接受它的任何新内容。"
    ),
    "What it wrote before stays. It cannot be taken back: the device needs a new home.": (
        "它以前写的内容会保留。撤销不可恢复：该设备需要新的主目录。"
    ),
    "Peer id of the device, as `p2pchat devices` shows it.": (
        "设备的节点标识，见 `p2pchat devices`。"
    ),
    "No device is known.": "没有已知的设备。",
    "this device": "本设备",
    "revoked": "已撤销",
    "Revoked {peer_id}. Others learn of it when a node runs here.": (
        "已撤销 {peer_id}。此处运行节点时会告知其他人。"
    ),
    # Verification
    "Name or account of the contact.": "联系人的名字或账号。",
    "Show the safety number with a contact, and a code for them to scan.": (
        "显示与联系人的安全码，以及供对方扫描的二维码。"
    ),
    "It is the same on both sides as long as nobody stands in between. Compare it by another way:"
    " a call, or face to face.": (
        "只要没有人在中间，双方看到的就相同。请用其他方式比对：打电话或当面。"
    ),
    "Safety number with {name}, {account}": "与 {name}（{account}）的安全码",
    "{number}": "{number}",
    "{code}": "{code}",
    "Compare it by another way, or have {name} scan this:": "请用其他方式比对，或让 {name} 扫描：",
    "Say that a contact's safety number is the same on their side.": (
        "确认联系人那边的安全码与这里相同。"
    ),
    "The code that they showed, dchat://v/…; it is checked instead of your word.": (
        "对方出示的验证码 dchat://v/…；由程序核对，而不是凭你的话。"
    ),
    "Compare keys with a contact by seven pictures.": "用七个图案与联系人比对密钥。",
    "Both of you type it at the same time and tell each other, by a call or face to face, what you"
    " see. If it is the same, nobody stands between you, and the contact is verified.": (
        "双方同时输入此命令，并通过电话或当面告诉对方看到了什么。如果相同，就说明没有人在中间，"
        "联系人即通过验证。"
    ),
    "Waiting for {name}, who types the same with your name, now.": (
        "正在等待 {name}；对方需同时以你的名字输入同样的命令。"
    ),
    "{pictures}": "{pictures}",
    "Does {name} see the same, in the same order? Ask them. yes or no:": (
        "{name} 看到的图案和顺序都相同吗？请询问对方。是 或 否："
    ),
    "{name} is verified.": "{name} 已验证。",
    "Take the verification of a contact back.": "取消对联系人的验证。",
    "{name} is not verified any more.": "{name} 不再是已验证状态。",
    "Go on writing to a contact one of whose devices speaks for another account.": (
        "联系人的设备声称属于另一账号时，仍继续给对方发消息。"
    ),
    "Ask them by another way first: a device in foreign hands would say the same.": (
        "请先用其他方式询问对方：落入他人手中的设备也会这样声称。"
    ),
    "What waits for {name} leaves when a node runs here.": (
        "等待发给 {name} 的内容会在此处运行节点时发出。"
    ),
    "verified": "已验证",
    "key changed": "密钥有变",
    # Profile
    "Show what others see of you, and change it.": "显示并修改别人看到的你的资料。",
    "Contacts get all of it, open rooms the name alone.": "联系人会收到全部，公开房间只有名字。",
    "Your name from now on.": "此后使用的名字。",
    "A few words about you, 500 characters at most.": "关于你的几句话，最多 500 个字符。",
    "A picture of you: JPEG, PNG, WebP or GIF. It is made small, without place or camera."
    " An empty FILE takes it away.": (
        "你的头像：JPEG、PNG、WebP 或 GIF。会被缩小，并去掉位置和相机信息。文件名为空则去掉头像。"
    ),
    "name    {name}": "名字    {name}",
    "avatar  {size} bytes": "头像    {size} 字节",
}
