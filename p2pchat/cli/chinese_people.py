"""Commands about people, in Chinese: by English sentence."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CHINESE_PEOPLE"]

CHINESE_PEOPLE: Mapping[str, str] = {
    "Name or account of the contact, or of whom you asked.": "联系人或你已请求之人的名称或账号。",
    "Remove a contact, or take back that you asked; they are not told.": (
        "删除联系人，或撤回你的请求；对方不会收到通知。"
    ),
    "Nothing of theirs reaches you until you add them again.": (
        "在你重新添加之前，对方的任何内容都不会到达。"
    ),
    "Show whom a contact link leads to; nothing is dialled, and nobody learns of it.": (
        "显示联系链接指向谁；不会拨号，也不会有人知道。"
    ),
    "Make another contact link of yours; the last one leads to nothing any more.": (
        "生成新的联系链接；旧链接从此失效。"
    ),
    "The contact who shall be told of them.": "将被告知的联系人。",
    "Account of whom the introduction is about.": "所介绍之人的账号。",
    "Introduce one contact to another, if the first agrees.": (
        "把一位联系人介绍给另一位，前提是前者同意。"
    ),
    "List introductions: who introduces whom, and how far it has come.": (
        "列出介绍：谁介绍谁，以及进展如何。"
    ),
    "Agree to be introduced to somebody, or ask who was introduced to you.": (
        "同意被介绍给某人，或向介绍给你的人发出请求。"
    ),
    "Decline an introduction; nobody is told.": "谢绝介绍；不会通知任何人。",
    "{name} is asked first. {other} is told when they agree.": (
        "先询问 {name}。对方同意后会告知 {other}。"
    ),
    "Nobody is being introduced.": "没有介绍。",
    "Agreed. It leaves when a node runs here.": "已同意。节点在此运行时发出。",
    "Declined. Nobody is told.": "已谢绝。不会通知任何人。",
    "{name} was not reached: the question leaves when a node runs here.": (
        "未能联系到 {name}：节点在此运行时会发出询问。"
    ),
    "You ask {name} whether they want to be introduced": "你询问 {name} 是否愿意被介绍",
    "{introducer} asks whether you want to be introduced to {name}": (
        "{introducer} 询问你是否愿意被介绍给 {name}"
    ),
    "You agreed that {introducer} introduces you to {name}, who may ask you now": (
        "你已同意由 {introducer} 把你介绍给 {name}；对方现在可以请求你"
    ),
    "{introducer} introduces {name} to you": "{introducer} 把 {name} 介绍给你",
    "{introducer} introduced {name} to you, and you asked them": (
        "{introducer} 把 {name} 介绍给你，你已请求对方"
    ),
    "Removed {name}.": "已删除 {name}。",
    "address       {address}": "地址          {address}",
    "Nobody was dialled. `p2pchat contacts add LINK` asks them.": (
        "没有拨号。用 `p2pchat contacts add 链接` 可向对方发出请求。"
    ),
    "The last one leads to nothing any more. Requests that are here stay.": (
        "旧链接已失效。已收到的请求会保留。"
    ),
    "Careful: {name} mixes letters of several alphabets, some of which look alike. It may imitate"
    " another name. Account: {account}": (
        "注意：{name} 混用了多种字母，其中有些外形相似，可能在冒充他人。账号：{account}"
    ),
    "Careful: {name} looks like the name of another contact of yours. Compare the account:"
    " {account}": "注意：{name} 与你另一位联系人的名称相似。请核对账号：{account}",
    "Careful: {name} looks like your own name. Account: {account}": (
        "注意：{name} 与你自己的名称相似。账号：{account}"
    ),
    "Your name mixes letters of several alphabets: others are warned of it.": (
        "你的名称混用了多种字母：其他人会看到提醒。"
    ),
}
