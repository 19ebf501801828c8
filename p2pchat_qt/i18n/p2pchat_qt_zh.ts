<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en_GB">
<context>
    <name>AddContact</name>
    <message>
        <source>Add a contact</source>
        <translation>添加联系人</translation>
    </message>
    <message>
        <source>Paste the link that your friend gave you:</source>
        <translation>粘贴朋友给你的链接：</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Or let them have yours:</source>
        <translation>或者把你的链接给对方：</translation>
    </message>
    <message>
        <source>Your link as a QR code</source>
        <translation>你的链接二维码</translation>
    </message>
    <message>
        <source>Your link is copied</source>
        <translation>你的链接已复制</translation>
    </message>
</context>
<context>
    <name>Alarms</name>
    <message>
        <source>A device of %1 says that it acts for another account. Nothing is sent to them before you have compared the safety number.</source>
        <translation>%1 的一台设备声称代表另一个账号。在你比对安全码之前，不会向对方发送任何内容。</translation>
    </message>
    <message>
        <source>Your account acts through a further device now. If it is not yours, end it in the settings.</source>
        <translation>你的账号新增了一台设备。如果不是你的，请在设置中停用它。</translation>
    </message>
    <message>
        <source>%1 uses a further device now.</source>
        <translation>%1 新增了一台设备。</translation>
    </message>
    <message>
        <source>Something about %1 is not right: %2</source>
        <translation>%1 有异常：%2</translation>
    </message>
    <message>
        <source>You do not come into %1: %2</source>
        <translation>无法进入 %1：%2</translation>
    </message>
</context>
<context>
    <name>Ask</name>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
<context>
    <name>Box</name>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
</context>
<context>
    <name>Bubble</name>
    <message>
        <source>Message deleted</source>
        <translation>消息已删除</translation>
    </message>
    <message>
        <source>edited</source>
        <translation>已编辑</translation>
    </message>
    <message>
        <source>Show all of it</source>
        <translation>显示全部</translation>
    </message>
</context>
<context>
    <name>ChatPage</name>
    <message>
        <source>Choose a conversation</source>
        <translation>选择一个会话</translation>
    </message>
    <message>
        <source>Or press Ctrl+K to go to one by its name.</source>
        <translation>也可以按 Ctrl+K 按名称查找。</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>返回</translation>
    </message>
    <message>
        <source>Verified</source>
        <translation>已验证</translation>
    </message>
    <message>
        <source>Has not answered yet</source>
        <translation>对方尚未回应</translation>
    </message>
    <message>
        <source>Waiting to be let in</source>
        <translation>等待批准加入</translation>
    </message>
    <message>
        <source>Connected</source>
        <translation>已连接</translation>
    </message>
    <message>
        <source>Not connected</source>
        <translation>未连接</translation>
    </message>
    <message numerus="yes">
        <source>%n member(s)</source>
        <translation>
            <numerusform>%n 名成员</numerusform>
        </translation>
    </message>
    <message>
        <source>anybody can read here</source>
        <translation>任何人都能看到</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>详情</translation>
    </message>
    <message>
        <source>You can write once they have said yes.</source>
        <translation>对方同意后即可发消息。</translation>
    </message>
    <message>
        <source>You are not in this room any more.</source>
        <translation>你已不在此房间中。</translation>
    </message>
    <message>
        <source>They are no contact of yours any more. What was said stays.</source>
        <translation>对方已不是你的联系人。聊天记录会保留。</translation>
    </message>
    <message>
        <source>Nothing is sent to them before you have compared.</source>
        <translation>在你完成比对之前，不会向对方发送任何内容。</translation>
    </message>
    <message>
        <source>You can write once somebody has let you in.</source>
        <translation>有人让你加入后即可发言。</translation>
    </message>
    <message>
        <source>You may read here, and not write.</source>
        <translation>你在这里只能阅读，不能发言。</translation>
    </message>
    <message>
        <source>You were removed from this room.</source>
        <translation>你已被移出此房间。</translation>
    </message>
    <message>
        <source>You were removed from this room for good.</source>
        <translation>你已被永久移出此房间。</translation>
    </message>
    <message>
        <source>Whom do you want to talk to?</source>
        <translation>想和谁聊天？</translation>
    </message>
    <message>
        <source>Send your link to a friend, or paste the one they sent you. You can write to each other as soon as one of you has accepted the other.</source>
        <translation>把你的链接发给朋友，或粘贴对方发来的链接。一方接受后，你们就可以互相发消息。</translation>
    </message>
    <message>
        <source>Add a contact</source>
        <translation>添加联系人</translation>
    </message>
    <message>
        <source>is writing…</source>
        <translation>正在输入…</translation>
    </message>
    <message>
        <source>A device of %1 says that it acts for another account. Compare the safety number before you trust it.</source>
        <translation>%1 的一台设备声称代表另一个账号。请先比对安全码，再决定是否信任。</translation>
    </message>
    <message>
        <source>Compare…</source>
        <translation>比对…</translation>
    </message>
    <message>
        <source>Delete this message?</source>
        <translation>删除这条消息？</translation>
    </message>
    <message>
        <source>Its words go from here, and from everybody who hears of it.</source>
        <translation>内容会从这里以及收到删除通知的人那里删除。</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
</context>
<context>
    <name>Composer</name>
    <message>
        <source>Edit message</source>
        <translation>编辑消息</translation>
    </message>
    <message>
        <source>Reply to %1</source>
        <translation>回复 %1</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Emoji</source>
        <translation>表情</translation>
    </message>
    <message>
        <source>Message…</source>
        <translation>输入消息…</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
</context>
<context>
    <name>ConfigFault</name>
    <message>
        <source>Mend it in the file, then open this page again.</source>
        <translation>请在文件中改正，然后重新打开此页。</translation>
    </message>
</context>
<context>
    <name>ConfigList</name>
    <message>
        <source>Remove %1</source>
        <translation>移除 %1</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>添加</translation>
    </message>
    <message>
        <source>Back to the default</source>
        <translation>恢复默认值</translation>
    </message>
</context>
<context>
    <name>ConfigOutcome</name>
    <message>
        <source>Saved, and in force now.</source>
        <translation>已保存，现已生效。</translation>
    </message>
    <message>
        <source>Saved, and in force after a restart. The window stays open.</source>
        <translation>已保存，重启后生效。窗口不会关闭。</translation>
    </message>
    <message>
        <source>Restarting…</source>
        <translation>正在重启…</translation>
    </message>
    <message>
        <source>Restart now</source>
        <translation>立即重启</translation>
    </message>
</context>
<context>
    <name>ConfigView</name>
    <message>
        <source>%1 in config.toml: %2</source>
        <translation>config.toml 中的 %1：%2</translation>
    </message>
</context>
<context>
    <name>ConnectionStrip</name>
    <message>
        <source>Starting…</source>
        <translation>正在启动…</translation>
    </message>
    <message>
        <source>Weak connection</source>
        <translation>连接较弱</translation>
    </message>
    <message>
        <source>Offline. What you write is sent later.</source>
        <translation>离线，消息将稍后发送。</translation>
    </message>
</context>
<context>
    <name>ContactLine</name>
    <message>
        <source>Verified</source>
        <translation>已验证</translation>
    </message>
    <message>
        <source>Their key is in doubt</source>
        <translation>对方的密钥可疑</translation>
    </message>
    <message>
        <source>Has not answered yet</source>
        <translation>对方尚未回应</translation>
    </message>
    <message>
        <source>Blocked</source>
        <translation>已屏蔽</translation>
    </message>
    <message>
        <source>Unblock</source>
        <translation>解除屏蔽</translation>
    </message>
    <message>
        <source>Write to %1</source>
        <translation>给 %1 发消息</translation>
    </message>
    <message>
        <source>More about %1</source>
        <translation>%1 的更多操作</translation>
    </message>
</context>
<context>
    <name>ContactsPage</name>
    <message>
        <source>Contacts</source>
        <translation>联系人</translation>
    </message>
    <message>
        <source>Add a contact</source>
        <translation>添加联系人</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>请求</translation>
    </message>
    <message>
        <source>Invites you into this room</source>
        <translation>邀请你进入此房间</translation>
    </message>
    <message>
        <source>Wants to be your contact</source>
        <translation>想成为你的联系人</translation>
    </message>
    <message>
        <source>Introduced by %1</source>
        <translation>由 %1 介绍</translation>
    </message>
    <message>
        <source>Go in</source>
        <translation>进入</translation>
    </message>
    <message>
        <source>Accept</source>
        <translation>接受</translation>
    </message>
    <message>
        <source>Decline</source>
        <translation>拒绝</translation>
    </message>
    <message>
        <source>Block</source>
        <translation>屏蔽</translation>
    </message>
    <message>
        <source>Your link</source>
        <translation>你的链接</translation>
    </message>
    <message>
        <source>Who has it can ask to be your contact. Nobody can write to you before you accept.</source>
        <translation>持有此链接的人可以请求成为你的联系人。在你接受之前，谁也不能给你发消息。</translation>
    </message>
    <message>
        <source>Your link is copied</source>
        <translation>你的链接已复制</translation>
    </message>
    <message>
        <source>Your link as a QR code</source>
        <translation>你的链接二维码</translation>
    </message>
    <message>
        <source>Make another link</source>
        <translation>生成新链接</translation>
    </message>
    <message>
        <source>Make another link?</source>
        <translation>生成新链接？</translation>
    </message>
    <message>
        <source>The present one leads to nothing any more. Your contacts stay.</source>
        <translation>当前链接将失效，联系人会保留。</translation>
    </message>
    <message>
        <source>Make another</source>
        <translation>生成新链接</translation>
    </message>
    <message>
        <source>Nobody yet</source>
        <translation>还没有联系人</translation>
    </message>
    <message>
        <source>Paste a friend&apos;s link, or give them yours.</source>
        <translation>粘贴朋友的链接，或把你的链接给对方。</translation>
    </message>
    <message>
        <source>Compare the safety number…</source>
        <translation>比对安全码…</translation>
    </message>
    <message>
        <source>Verify</source>
        <translation>验证</translation>
    </message>
    <message>
        <source>Copy account</source>
        <translation>复制账号</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
    <message>
        <source>Block %1?</source>
        <translation>屏蔽 %1？</translation>
    </message>
    <message>
        <source>Nothing of theirs reaches you, and they are not told.</source>
        <translation>你将不再收到对方的任何内容，对方不会得知。</translation>
    </message>
    <message>
        <source>Remove %1?</source>
        <translation>移除 %1？</translation>
    </message>
    <message>
        <source>Nothing of theirs reaches you until you add them again. What was said stays.</source>
        <translation>在重新添加之前，你不会收到对方的任何内容。已有的聊天记录会保留。</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
</context>
<context>
    <name>ConversationRow</name>
    <message>
        <source>Their key is in doubt</source>
        <translation>对方的密钥可疑</translation>
    </message>
    <message>
        <source>Has not answered yet</source>
        <translation>对方尚未回应</translation>
    </message>
    <message>
        <source>Waiting to be let in</source>
        <translation>等待批准加入</translation>
    </message>
    <message>
        <source>Message deleted</source>
        <translation>消息已删除</translation>
    </message>
    <message>
        <source>Room</source>
        <translation>房间</translation>
    </message>
    <message>
        <source>Contact</source>
        <translation>联系人</translation>
    </message>
    <message numerus="yes">
        <source>%n unread</source>
        <translation>
            <numerusform>%n 条未读</numerusform>
        </translation>
    </message>
    <message>
        <source>Connected</source>
        <translation>已连接</translation>
    </message>
</context>
<context>
    <name>Copied</name>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
</context>
<context>
    <name>CreateRoom</name>
    <message>
        <source>New room</source>
        <translation>新建房间</translation>
    </message>
    <message>
        <source>Name of the room</source>
        <translation>房间名称</translation>
    </message>
    <message>
        <source>Who is in it</source>
        <translation>选择成员</translation>
    </message>
    <message>
        <source>What newcomers may read of what was said before</source>
        <translation>新成员可以看到的历史消息</translation>
    </message>
    <message>
        <source>All</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>The last 100</source>
        <translation>最近 100 条</translation>
    </message>
    <message>
        <source>From their joining on</source>
        <translation>加入之后的消息</translation>
    </message>
    <message>
        <source>Create</source>
        <translation>创建</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
<context>
    <name>Details</name>
    <message>
        <source>Owner</source>
        <translation>所有者</translation>
    </message>
    <message>
        <source>Admin</source>
        <translation>管理员</translation>
    </message>
    <message>
        <source>Reads only</source>
        <translation>只读</translation>
    </message>
    <message>
        <source>Waiting</source>
        <translation>等待中</translation>
    </message>
    <message>
        <source>Removed</source>
        <translation>已移除</translation>
    </message>
    <message>
        <source>Banned</source>
        <translation>已封禁</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Connected</source>
        <translation>已连接</translation>
    </message>
    <message>
        <source>Not connected</source>
        <translation>未连接</translation>
    </message>
    <message>
        <source>Open room</source>
        <translation>公开房间</translation>
    </message>
    <message>
        <source>Room with a password</source>
        <translation>密码房间</translation>
    </message>
    <message>
        <source>Room by invitation</source>
        <translation>邀请制房间</translation>
    </message>
    <message>
        <source>Verified</source>
        <translation>已验证</translation>
    </message>
    <message>
        <source>Verify</source>
        <translation>验证</translation>
    </message>
    <message>
        <source>Block</source>
        <translation>屏蔽</translation>
    </message>
    <message>
        <source>Block %1?</source>
        <translation>屏蔽 %1？</translation>
    </message>
    <message>
        <source>Nothing of theirs reaches you, and they are not told.</source>
        <translation>你将不再收到对方的任何内容，对方不会得知。</translation>
    </message>
    <message>
        <source>Invite by a link</source>
        <translation>通过链接邀请</translation>
    </message>
    <message>
        <source>Add contacts</source>
        <translation>添加联系人</translation>
    </message>
    <message>
        <source>Name and announcement</source>
        <translation>名称与公告</translation>
    </message>
    <message>
        <source>Newcomers read nothing that was said before.</source>
        <translation>新成员看不到以前的消息。</translation>
    </message>
    <message>
        <source>Newcomers read what was said from their joining on.</source>
        <translation>新成员只能看到加入之后的消息。</translation>
    </message>
    <message>
        <source>Newcomers read the last %1 messages.</source>
        <translation>新成员可以看到最近 %1 条消息。</translation>
    </message>
    <message>
        <source>Newcomers read all that was said before.</source>
        <translation>新成员可以看到以前的全部消息。</translation>
    </message>
    <message>
        <source>Members</source>
        <translation>成员</translation>
    </message>
    <message>
        <source>%1 (you)</source>
        <translation>%1（你）</translation>
    </message>
    <message>
        <source>More about %1</source>
        <translation>%1 的更多操作</translation>
    </message>
    <message>
        <source>Make an admin</source>
        <translation>设为管理员</translation>
    </message>
    <message>
        <source>Make a member</source>
        <translation>设为成员</translation>
    </message>
    <message>
        <source>May only read</source>
        <translation>设为只读</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Remove %1?</source>
        <translation>移除 %1？</translation>
    </message>
    <message>
        <source>They read nothing that is said from now on.</source>
        <translation>对方将看不到此后的任何内容。</translation>
    </message>
    <message>
        <source>Ban</source>
        <translation>封禁</translation>
    </message>
    <message>
        <source>Ban %1?</source>
        <translation>封禁 %1？</translation>
    </message>
    <message>
        <source>They are removed, and nobody can let them in again.</source>
        <translation>对方将被移除，任何人都不能再让其加入。</translation>
    </message>
    <message>
        <source>Ask no more</source>
        <translation>不再请求</translation>
    </message>
    <message>
        <source>Leave the room</source>
        <translation>退出房间</translation>
    </message>
    <message>
        <source>Leave %1?</source>
        <translation>退出 %1？</translation>
    </message>
    <message>
        <source>The room and what others said in it go from this device.</source>
        <translation>此房间及其他人的发言将从此设备删除。</translation>
    </message>
    <message>
        <source>Leave</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>Name of the room</source>
        <translation>房间名称</translation>
    </message>
    <message>
        <source>What it is about</source>
        <translation>房间简介</translation>
    </message>
    <message>
        <source>What all shall know</source>
        <translation>公告内容</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
<context>
    <name>Explanation</name>
    <message>
        <source>Where is it?</source>
        <translation>消息状态</translation>
    </message>
    <message>
        <source>Next try: %1</source>
        <translation>下次尝试：%1</translation>
    </message>
</context>
<context>
    <name>Invite</name>
    <message>
        <source>Invite by a link</source>
        <translation>通过链接邀请</translation>
    </message>
    <message>
        <source>How many may come by it</source>
        <translation>可用人数</translation>
    </message>
    <message>
        <source>For how many days</source>
        <translation>有效天数</translation>
    </message>
    <message>
        <source>Make the link</source>
        <translation>生成链接</translation>
    </message>
    <message>
        <source>The invitation as a QR code</source>
        <translation>邀请二维码</translation>
    </message>
    <message>
        <source>The invitation is copied</source>
        <translation>邀请链接已复制</translation>
    </message>
    <message>
        <source>It is shown this once. Who has it can come in.</source>
        <translation>链接只显示这一次。持有者即可加入。</translation>
    </message>
</context>
<context>
    <name>JoinRoom</name>
    <message>
        <source>Join a room</source>
        <translation>加入房间</translation>
    </message>
    <message>
        <source>Invitation</source>
        <translation>邀请链接</translation>
    </message>
    <message>
        <source>Open room</source>
        <translation>公开房间</translation>
    </message>
    <message>
        <source>With a password</source>
        <translation>密码房间</translation>
    </message>
    <message>
        <source>Name of the room</source>
        <translation>房间名称</translation>
    </message>
    <message>
        <source>Password</source>
        <translation>密码</translation>
    </message>
    <message>
        <source>Somebody who leads the room gives it to you.</source>
        <translation>由管理房间的人提供。</translation>
    </message>
    <message>
        <source>Everybody who knows the name can read and write there.</source>
        <translation>任何知道名称的人都能在那里阅读和发言。</translation>
    </message>
    <message>
        <source>Another password is another room: with a wrong one you are alone.</source>
        <translation>不同的密码就是不同的房间：密码错误时，里面只有你自己。</translation>
    </message>
    <message>
        <source>Join</source>
        <translation>加入</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
<context>
    <name>LanSettingsPage</name>
    <message>
        <source>Local network</source>
        <translation>局域网</translation>
    </message>
    <message>
        <source>It works without any internet. Everybody on the network can see that you are here, unless a secret is set.</source>
        <translation>无需互联网即可使用。除非设置了密钥，局域网中的所有人都能看到你在线。</translation>
    </message>
    <message>
        <source>Find others on the local network</source>
        <translation>在局域网中寻找他人</translation>
    </message>
    <message>
        <source>Secret</source>
        <translation>密钥</translation>
    </message>
    <message>
        <source>Tell it to others by another way, such as by mouth. Contacts, and the peers named in the network settings, connect without it.</source>
        <translation>请用其他方式（例如口头）告诉他人。联系人和网络设置中列出的节点无需密钥即可连接。</translation>
    </message>
    <message>
        <source>No secret is set: everybody on the network finds you.</source>
        <translation>未设置密钥：局域网中的所有人都能找到你。</translation>
    </message>
    <message>
        <source>A secret is set, in the file %1: only who knows it finds you.</source>
        <translation>已设置密钥，位于文件 %1：只有知道密钥的人才能找到你。</translation>
    </message>
    <message>
        <source>A secret is set: only who knows it finds you.</source>
        <translation>已设置密钥：只有知道密钥的人才能找到你。</translation>
    </message>
    <message>
        <source>Another secret</source>
        <translation>新的密钥</translation>
    </message>
    <message>
        <source>A secret</source>
        <translation>密钥</translation>
    </message>
    <message>
        <source>Hide what is typed</source>
        <translation>隐藏输入内容</translation>
    </message>
    <message>
        <source>Show what is typed</source>
        <translation>显示输入内容</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Take the secret away</source>
        <translation>去掉密钥</translation>
    </message>
    <message>
        <source>Take the secret away?</source>
        <translation>去掉密钥？</translation>
    </message>
    <message>
        <source>Everybody on the network can then find you.</source>
        <translation>之后局域网中的所有人都能找到你。</translation>
    </message>
    <message>
        <source>Take it away</source>
        <translation>去掉</translation>
    </message>
    <message>
        <source>Accept requests of those who know the secret without asking me</source>
        <translation>自动接受知道密钥者的请求</translation>
    </message>
    <message>
        <source>Networks</source>
        <translation>网段</translation>
    </message>
    <message>
        <source>Others are looked for and served in these alone. Name one to reach beyond a router, or where a wireless network carries no broadcasts.</source>
        <translation>只在这些网段中寻找和服务他人。要越过路由器，或无线网络不转发广播时，请填写网段。</translation>
    </message>
    <message>
        <source>All that this machine is in.</source>
        <translation>本机所在的全部网段。</translation>
    </message>
    <message>
        <source>A network of IPv4</source>
        <translation>IPv4 网段</translation>
    </message>
    <message>
        <source>Who is there, and who is blocked</source>
        <translation>谁在线，谁被屏蔽</translation>
    </message>
    <message>
        <source>On the network page, while this is on</source>
        <translation>开启后显示在网络页面</translation>
    </message>
</context>
<context>
    <name>LetIn</name>
    <message>
        <source>Add contacts</source>
        <translation>添加联系人</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>添加</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
<context>
    <name>Linked</name>
    <message>
        <source>Go into this room?</source>
        <translation>进入这个房间？</translation>
    </message>
    <message>
        <source>Add this contact?</source>
        <translation>添加此联系人？</translation>
    </message>
    <message>
        <source>This is your own link. Give it to somebody else.</source>
        <translation>这是你自己的链接，请把它给别人。</translation>
    </message>
    <message>
        <source>You are contacts already.</source>
        <translation>你们已经是联系人了。</translation>
    </message>
    <message>
        <source>A member lets you in as soon as one can be reached.</source>
        <translation>一旦能联系到某位成员，对方就会让你加入。</translation>
    </message>
    <message>
        <source>They see your name and that you ask. Nobody can write before they accept.</source>
        <translation>对方会看到你的名字和请求。在对方接受之前，谁都不能发消息。</translation>
    </message>
    <message>
        <source>Go in</source>
        <translation>进入</translation>
    </message>
    <message>
        <source>Ask</source>
        <translation>发送请求</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
</context>
<context>
    <name>Main</name>
    <message>
        <source>Open this link?</source>
        <translation>打开此链接？</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>%1 is verified.</source>
        <translation>%1 已通过验证。</translation>
    </message>
</context>
<context>
    <name>MessageMenu</name>
    <message>
        <source>React with %1</source>
        <translation>用 %1 回应</translation>
    </message>
    <message>
        <source>Reply</source>
        <translation>回复</translation>
    </message>
    <message>
        <source>React…</source>
        <translation>回应…</translation>
    </message>
    <message>
        <source>Open %1</source>
        <translation>打开 %1</translation>
    </message>
    <message>
        <source>Show what it replies to</source>
        <translation>查看所回复的消息</translation>
    </message>
    <message>
        <source>Copy text</source>
        <translation>复制文字</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>编辑</translation>
    </message>
    <message>
        <source>Where is it?</source>
        <translation>消息状态</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
</context>
<context>
    <name>MessageRow</name>
    <message>
        <source>You</source>
        <translation>你</translation>
    </message>
    <message>
        <source>Message deleted</source>
        <translation>消息已删除</translation>
    </message>
    <message>
        <source>Reply to %1</source>
        <translation>回复 %1</translation>
    </message>
    <message>
        <source>Message</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>edited</source>
        <translation>已编辑</translation>
    </message>
    <message>
        <source>Unread messages</source>
        <translation>未读消息</translation>
    </message>
</context>
<context>
    <name>NavButton</name>
    <message>
        <source>%1, %2 new</source>
        <translation>%1，%2 条新内容</translation>
    </message>
</context>
<context>
    <name>NetworkPage</name>
    <message>
        <source>Network</source>
        <translation>网络</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>正在检查…</translation>
    </message>
    <message>
        <source>Diagnose</source>
        <translation>诊断</translation>
    </message>
    <message>
        <source>Settings of the network</source>
        <translation>网络设置</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>Connected to the network.</source>
        <translation>已连接到网络。</translation>
    </message>
    <message>
        <source>Connected, but to nobody who knows others. Messages may take longer.</source>
        <translation>已连接，但对方不认识其他节点，消息可能会慢一些。</translation>
    </message>
    <message>
        <source>Offline. What you write is kept and sent as soon as there is a way.</source>
        <translation>离线。你写的内容会保存下来，一有连接就发送。</translation>
    </message>
    <message>
        <source>Can others reach you directly?</source>
        <translation>别人能直接连接到你吗？</translation>
    </message>
    <message>
        <source>Yes</source>
        <translation>能</translation>
    </message>
    <message>
        <source>Through a relay</source>
        <translation>通过中继</translation>
    </message>
    <message>
        <source>Not known yet</source>
        <translation>尚不清楚</translation>
    </message>
    <message>
        <source>Connected peers</source>
        <translation>已连接的节点</translation>
    </message>
    <message>
        <source>Known peers</source>
        <translation>已知节点</translation>
    </message>
    <message>
        <source>Relays in use</source>
        <translation>使用中的中继</translation>
    </message>
    <message>
        <source>Mailboxes that keep messages for you</source>
        <translation>为你保存消息的信箱</translation>
    </message>
    <message>
        <source>Messages that wait to be sent</source>
        <translation>等待发送的消息</translation>
    </message>
    <message>
        <source>Last synchronised</source>
        <translation>上次同步</translation>
    </message>
    <message>
        <source>Never</source>
        <translation>从不</translation>
    </message>
    <message>
        <source>Diagnosis</source>
        <translation>诊断结果</translation>
    </message>
    <message>
        <source>Nothing is wrong.</source>
        <translation>一切正常。</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>启动过程</translation>
    </message>
    <message>
        <source>Peers</source>
        <translation>节点</translation>
    </message>
    <message>
        <source>Who is blocked is disconnected and stays away.</source>
        <translation>被屏蔽者会被断开，且无法再连接。</translation>
    </message>
    <message>
        <source>Nobody is connected.</source>
        <translation>没有已连接的节点。</translation>
    </message>
    <message>
        <source>Local network</source>
        <translation>局域网</translation>
    </message>
    <message>
        <source>Direct</source>
        <translation>直连</translation>
    </message>
    <message>
        <source>Direct, through a NAT</source>
        <translation>穿透 NAT 直连</translation>
    </message>
    <message>
        <source>Disconnect</source>
        <translation>断开</translation>
    </message>
    <message>
        <source>Block</source>
        <translation>屏蔽</translation>
    </message>
    <message>
        <source>Address of a peer</source>
        <translation>节点地址</translation>
    </message>
    <message>
        <source>Connect</source>
        <translation>连接</translation>
    </message>
    <message>
        <source>No secret is set: everybody on this network is served.</source>
        <translation>未设置密钥：此网络上的任何人都可使用。</translation>
    </message>
    <message>
        <source>Nobody was heard here.</source>
        <translation>这里没有发现任何人。</translation>
    </message>
    <message>
        <source>Blocked</source>
        <translation>已屏蔽</translation>
    </message>
    <message>
        <source>A peer, an account, or a network such as 203.0.113.0/24.</source>
        <translation>节点、账号，或网段（例如 203.0.113.0/24）。</translation>
    </message>
    <message>
        <source>Nobody is blocked.</source>
        <translation>没有屏蔽任何人。</translation>
    </message>
    <message>
        <source>Unblock</source>
        <translation>解除屏蔽</translation>
    </message>
    <message>
        <source>by the configuration</source>
        <translation>由配置指定</translation>
    </message>
    <message>
        <source>Whom</source>
        <translation>对象</translation>
    </message>
    <message>
        <source>Your addresses</source>
        <translation>你的地址</translation>
    </message>
    <message>
        <source>Fault log</source>
        <translation>故障记录</translation>
    </message>
    <message>
        <source>Nothing was reported.</source>
        <translation>没有记录。</translation>
    </message>
</context>
<context>
    <name>NetworkSettingsPage</name>
    <message>
        <source>Network settings</source>
        <translation>网络设置</translation>
    </message>
    <message>
        <source>Known peers and relays</source>
        <translation>已知节点和中继</translation>
    </message>
    <message>
        <source>They are dialled first and always. One is enough to find all others: any relay, or any friend who is there.</source>
        <translation>总是最先连接它们。一个就足以找到其他所有节点：任意中继，或任意在线的朋友。</translation>
    </message>
    <message>
        <source>None is named.</source>
        <translation>尚未填写。</translation>
    </message>
    <message>
        <source>Address of a peer or relay</source>
        <translation>节点或中继的地址</translation>
    </message>
    <message>
        <source>Lists of relays</source>
        <translation>中继列表</translation>
    </message>
    <message>
        <source>Each is fetched over the internet, and tells nothing but where relays are.</source>
        <translation>每个列表都从互联网获取，只说明中继的位置。</translation>
    </message>
    <message>
        <source>No list is named.</source>
        <translation>尚未填写列表。</translation>
    </message>
    <message>
        <source>Address of a list on the web</source>
        <translation>列表的网址</translation>
    </message>
    <message>
        <source>Off: only the peers named above are dialled, and whom you have met before.</source>
        <translation>关闭后：只连接上面填写的节点和以前遇到过的节点。</translation>
    </message>
    <message>
        <source>Use lists, and those that come with the program</source>
        <translation>使用列表和程序自带的节点</translation>
    </message>
    <message>
        <source>Where you listen</source>
        <translation>监听地址</translation>
    </message>
    <message>
        <source>0.0.0.0 and :: mean all networks of this machine. Port 0 takes any that is free; give a number where a router forwards one.</source>
        <translation>0.0.0.0 和 :: 表示本机的全部网络。端口 0 表示任意空闲端口；路由器转发端口时请填写具体数字。</translation>
    </message>
    <message>
        <source>Nowhere: others cannot connect to you, only you to them.</source>
        <translation>不监听：他人无法连接你，只能由你连接他们。</translation>
    </message>
    <message>
        <source>Address to listen on</source>
        <translation>监听的地址</translation>
    </message>
    <message>
        <source>Addresses told to others</source>
        <translation>告知他人的地址</translation>
    </message>
    <message>
        <source>Beside those that this machine sees itself: a domain name, or the address of a router that forwards a port.</source>
        <translation>除本机能看到的地址外：域名，或转发端口的路由器地址。</translation>
    </message>
    <message>
        <source>Those that this machine sees.</source>
        <translation>本机能看到的地址。</translation>
    </message>
    <message>
        <source>Address to be told to others</source>
        <translation>要告知他人的地址</translation>
    </message>
    <message>
        <source>Who keeps your mail</source>
        <translation>谁替你保管信件</translation>
    </message>
    <message>
        <source>What is written to you while you are away waits there, sealed. Eight at most.</source>
        <translation>你离线时，写给你的内容会密封保存在那里。最多八个。</translation>
    </message>
    <message>
        <source>Two relays, chosen by the program.</source>
        <translation>由程序选择的两个中继。</translation>
    </message>
    <message>
        <source>Address of a relay, or of a contact who serves you</source>
        <translation>中继的地址，或为你服务的联系人的地址</translation>
    </message>
    <message>
        <source>Status, peers and blocks</source>
        <translation>状态、节点和屏蔽</translation>
    </message>
</context>
<context>
    <name>Oddities</name>
    <message>
        <source>Letters of several alphabets stand in one word of this name.</source>
        <translation>此名称的一个词中混用了多种文字的字母。</translation>
    </message>
    <message>
        <source>This name looks like the name of a contact of yours.</source>
        <translation>此名称与你的一位联系人的名称相似。</translation>
    </message>
    <message>
        <source>This name looks like your own.</source>
        <translation>此名称与你自己的名称相似。</translation>
    </message>
</context>
<context>
    <name>Page</name>
    <message>
        <source>Back</source>
        <translation>返回</translation>
    </message>
</context>
<context>
    <name>Pasting</name>
    <message>
        <source>Paste</source>
        <translation>粘贴</translation>
    </message>
</context>
<context>
    <name>Picking</name>
    <message>
        <source>You have no contacts yet.</source>
        <translation>你还没有联系人。</translation>
    </message>
</context>
<context>
    <name>QuickSwitcher</name>
    <message>
        <source>Go to…</source>
        <translation>转到…</translation>
    </message>
    <message>
        <source>Nothing was found.</source>
        <translation>没有找到。</translation>
    </message>
</context>
<context>
    <name>ReactionChip</name>
    <message>
        <source>%1 from %2</source>
        <translation>%2 的 %1</translation>
    </message>
</context>
<context>
    <name>ReplyStrip</name>
    <message>
        <source>Message</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>Message deleted</source>
        <translation>消息已删除</translation>
    </message>
    <message>
        <source>Not here yet</source>
        <translation>尚未收到</translation>
    </message>
</context>
<context>
    <name>Safety</name>
    <message>
        <source>Verify %1</source>
        <translation>验证 %1</translation>
    </message>
    <message>
        <source>Can you trust %1?</source>
        <translation>可以信任 %1 吗？</translation>
    </message>
    <message>
        <source>A device of %1 says that it acts for another account. That can be a fault, or somebody who wants to be taken for them. Nothing is sent to them before you have compared.</source>
        <translation>%1 的一台设备声称代表另一个账号。这可能是故障，也可能有人冒充对方。在你完成比对之前，不会向对方发送任何内容。</translation>
    </message>
    <message>
        <source>Compare this number with %1, face to face or on the phone. If it is the same on both sides, nobody is between you.</source>
        <translation>请与 %1 当面或通过电话核对这组数字。如果两边相同，就说明你们之间没有别人。</translation>
    </message>
    <message>
        <source>Then somebody may stand between you, or this is not %1. Write nothing here that only they may know. Tell them by another way, remove this contact, and add them again by a link that they give you in person.</source>
        <translation>那么可能有人在你们中间，或者这并不是 %1。请不要在这里写只应让对方知道的内容。请用其他方式告知对方，删除此联系人，并用对方当面给你的链接重新添加。</translation>
    </message>
    <message>
        <source>A code for their client to scan</source>
        <translation>供对方客户端扫描的二维码</translation>
    </message>
    <message>
        <source>Or read the code that their client shows here:</source>
        <translation>或在此读取对方客户端显示的二维码：</translation>
    </message>
    <message>
        <source>It is the same</source>
        <translation>两边相同</translation>
    </message>
    <message>
        <source>It is the same: trust them</source>
        <translation>一致，信任对方</translation>
    </message>
    <message>
        <source>Not the same</source>
        <translation>不相同</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
</context>
<context>
    <name>Scanner</name>
    <message>
        <source>That is no picture that can be read.</source>
        <translation>无法读取此图片。</translation>
    </message>
    <message>
        <source>The QR code in it is not of this program.</source>
        <translation>图片中的二维码不属于本程序。</translation>
    </message>
    <message>
        <source>No QR code was found in it.</source>
        <translation>图片中没有找到二维码。</translation>
    </message>
</context>
<context>
    <name>Scanning</name>
    <message>
        <source>QR code from a picture…</source>
        <translation>从图片读取二维码…</translation>
    </message>
    <message>
        <source>QR code from the clipboard</source>
        <translation>从剪贴板读取二维码</translation>
    </message>
    <message>
        <source>Choose a picture</source>
        <translation>选择图片</translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation>图片</translation>
    </message>
</context>
<context>
    <name>Session</name>
    <message>
        <source>The client is closed; start it again.</source>
        <translation>客户端已关闭；请重新启动。</translation>
    </message>
    <message>
        <source>The client ended; start it again.</source>
        <translation>客户端已结束；请重新启动。</translation>
    </message>
    <message>
        <source>The client ended by a fault (%1); start it again.</source>
        <translation>客户端因故障结束（%1）；请重新启动。</translation>
    </message>
</context>
<context>
    <name>SettingsPage</name>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Profile</source>
        <translation>个人资料</translation>
    </message>
    <message>
        <source>Your contacts see this.</source>
        <translation>联系人会看到这些内容。</translation>
    </message>
    <message>
        <source>Your name</source>
        <translation>你的名字</translation>
    </message>
    <message>
        <source>A few words about you</source>
        <translation>简单介绍一下自己</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Choose a picture…</source>
        <translation>选择图片…</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>外观</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>主题</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Size of text</source>
        <translation>文字大小</translation>
    </message>
    <message>
        <source>Notifications</source>
        <translation>通知</translation>
    </message>
    <message>
        <source>With the message</source>
        <translation>显示消息内容</translation>
    </message>
    <message>
        <source>Without content</source>
        <translation>不显示内容</translation>
    </message>
    <message>
        <source>None</source>
        <translation>无</translation>
    </message>
    <message>
        <source>This system has no place for notices. What is new makes the window&apos;s entry in the task bar ask for attention.</source>
        <translation>此系统没有显示通知的位置。有新内容时，任务栏中的窗口图标会提示。</translation>
    </message>
    <message>
        <source>With the system</source>
        <translation>与系统集成</translation>
    </message>
    <message>
        <source>Start when you log in</source>
        <translation>登录系统时启动</translation>
    </message>
    <message>
        <source>Open dchat:// links from other programs here</source>
        <translation>在此打开其他程序中的 dchat:// 链接</translation>
    </message>
    <message>
        <source>Privacy</source>
        <translation>隐私</translation>
    </message>
    <message>
        <source>Tell others what you have read</source>
        <translation>告诉别人你已读</translation>
    </message>
    <message>
        <source>Let contacts see that you are writing to them, and see it of them</source>
        <translation>与联系人互相显示正在输入</translation>
    </message>
    <message>
        <source>When a contact takes you into a room</source>
        <translation>当联系人邀请你进入房间时</translation>
    </message>
    <message>
        <source>Go in</source>
        <translation>进入</translation>
    </message>
    <message>
        <source>Ask me</source>
        <translation>先问我</translation>
    </message>
    <message>
        <source>Never</source>
        <translation>从不</translation>
    </message>
    <message>
        <source>Connections</source>
        <translation>连接</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>网络</translation>
    </message>
    <message>
        <source>Whom you know, where you listen, relays</source>
        <translation>已知节点、监听地址、中继</translation>
    </message>
    <message>
        <source>Local network</source>
        <translation>局域网</translation>
    </message>
    <message>
        <source>Without internet: switch, secret, networks</source>
        <translation>无需互联网：开关、密钥、网段</translation>
    </message>
    <message>
        <source>Passphrase</source>
        <translation>口令</translation>
    </message>
    <message>
        <source>It locks what is on this disk. Leave the present one empty if there is none, and the new one to take the lock away.</source>
        <translation>口令用于锁定此磁盘上的内容。没有口令时，当前口令留空；新口令留空即可取消锁定。</translation>
    </message>
    <message>
        <source>Present passphrase</source>
        <translation>当前口令</translation>
    </message>
    <message>
        <source>New passphrase</source>
        <translation>新口令</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>更改</translation>
    </message>
    <message>
        <source>Copy of everything</source>
        <translation>全部备份</translation>
    </message>
    <message>
        <source>Identity, contacts, rooms and messages in one file that a passphrase locks. A new home can be made of it.</source>
        <translation>身份、联系人、房间和消息都在一个由口令锁定的文件中，可以用它建立新的主目录。</translation>
    </message>
    <message>
        <source>Passphrase for the file</source>
        <translation>文件口令</translation>
    </message>
    <message>
        <source>Save a copy…</source>
        <translation>保存备份…</translation>
    </message>
    <message>
        <source>Devices</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>This device</source>
        <translation>本设备</translation>
    </message>
    <message>
        <source>Ended</source>
        <translation>已停用</translation>
    </message>
    <message>
        <source>Since %1</source>
        <translation>自 %1 起</translation>
    </message>
    <message>
        <source>End</source>
        <translation>停用</translation>
    </message>
    <message>
        <source>End this device?</source>
        <translation>停用此设备？</translation>
    </message>
    <message>
        <source>It acts for you no more. This cannot be taken back.</source>
        <translation>它将不再代表你。此操作无法撤销。</translation>
    </message>
    <message>
        <source>End it</source>
        <translation>停用</translation>
    </message>
    <message>
        <source>About</source>
        <translation>关于</translation>
    </message>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Home</source>
        <translation>主目录</translation>
    </message>
    <message>
        <source>Choose a picture</source>
        <translation>选择图片</translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Save a copy</source>
        <translation>保存备份</translation>
    </message>
    <message>
        <source>Your profile is saved</source>
        <translation>个人资料已保存</translation>
    </message>
    <message>
        <source>Your picture is saved</source>
        <translation>头像已保存</translation>
    </message>
    <message>
        <source>The passphrase is changed</source>
        <translation>口令已更改</translation>
    </message>
    <message>
        <source>The copy is saved</source>
        <translation>备份已保存</translation>
    </message>
    <message>
        <source>The device is ended</source>
        <translation>设备已停用</translation>
    </message>
</context>
<context>
    <name>Sidebar</name>
    <message>
        <source>Search</source>
        <translation>搜索</translation>
    </message>
    <message>
        <source>Clear</source>
        <translation>清除</translation>
    </message>
    <message>
        <source>New</source>
        <translation>新建</translation>
    </message>
    <message>
        <source>Add a contact</source>
        <translation>添加联系人</translation>
    </message>
    <message>
        <source>New room</source>
        <translation>新建房间</translation>
    </message>
    <message>
        <source>Join a room</source>
        <translation>加入房间</translation>
    </message>
    <message>
        <source>Conversations</source>
        <translation>会话</translation>
    </message>
    <message>
        <source>Messages</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>Nothing was found.</source>
        <translation>没有找到。</translation>
    </message>
    <message>
        <source>No conversations yet</source>
        <translation>还没有会话</translation>
    </message>
    <message>
        <source>Give your link to a friend, or paste theirs.</source>
        <translation>把你的链接发给朋友，或粘贴对方的链接。</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>聊天</translation>
    </message>
    <message>
        <source>Contacts</source>
        <translation>联系人</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>网络</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
</context>
<context>
    <name>StateMark</name>
    <message>
        <source>Waiting to be sent</source>
        <translation>等待发送</translation>
    </message>
    <message>
        <source>On its way</source>
        <translation>已发出</translation>
    </message>
    <message>
        <source>Delivered</source>
        <translation>已送达</translation>
    </message>
    <message>
        <source>Read</source>
        <translation>已读</translation>
    </message>
    <message>
        <source>Not sent</source>
        <translation>未发送</translation>
    </message>
</context>
<context>
    <name>Steps</name>
    <message>
        <source>Looked for networks</source>
        <translation>已检查网络</translation>
    </message>
    <message>
        <source>Listening</source>
        <translation>正在监听</translation>
    </message>
    <message>
        <source>Connecting to known peers</source>
        <translation>正在连接已知节点</translation>
    </message>
    <message>
        <source>Connected to known peers</source>
        <translation>已连接到已知节点</translation>
    </message>
    <message>
        <source>Looking for relays</source>
        <translation>正在查找中继</translation>
    </message>
    <message>
        <source>Found relays</source>
        <translation>找到的中继</translation>
    </message>
    <message>
        <source>Tried a relay</source>
        <translation>已测试中继</translation>
    </message>
    <message>
        <source>Chose a relay</source>
        <translation>已选定中继</translation>
    </message>
    <message>
        <source>Publishing our keys</source>
        <translation>正在发布密钥</translation>
    </message>
    <message>
        <source>Keys are ready</source>
        <translation>密钥已就绪</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>就绪</translation>
    </message>
</context>
<context>
    <name>System</name>
    <message>
        <source>The system does not take it: %1</source>
        <translation>系统未能接受：%1</translation>
    </message>
</context>
<context>
    <name>Timeline</name>
    <message>
        <source>Messages</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>Nothing was said here yet</source>
        <translation>这里还没有消息</translation>
    </message>
    <message>
        <source>Anybody who knows the name of this room can read it.</source>
        <translation>任何知道此房间名称的人都能看到这里的内容。</translation>
    </message>
    <message>
        <source>What you write can only be read by who is in this conversation.</source>
        <translation>只有此会话中的人才能看到你写的内容。</translation>
    </message>
    <message>
        <source>To the newest message</source>
        <translation>跳到最新消息</translation>
    </message>
</context>
<context>
    <name>Tray</name>
    <message>
        <source>Open DChat</source>
        <translation>打开 DChat</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>Asks for an answer</source>
        <translation>正在等你答复</translation>
    </message>
    <message>
        <source>The key of a contact is in doubt</source>
        <translation>一位联系人的密钥可疑</translation>
    </message>
    <message>
        <source>New message</source>
        <translation>新消息</translation>
    </message>
    <message>
        <source>and %1 more</source>
        <translation>另有 %1 条</translation>
    </message>
</context>
<context>
    <name>Trouble</name>
    <message>
        <source>Start again</source>
        <translation>重新启动</translation>
    </message>
</context>
<context>
    <name>Welcome</name>
    <message>
        <source>Chat with friends directly, with no server between. All you need is a name.</source>
        <translation>与朋友直接聊天，中间没有服务器。只需要一个名字。</translation>
    </message>
    <message>
        <source>This home is locked. Enter its passphrase.</source>
        <translation>主目录已锁定，请输入口令。</translation>
    </message>
    <message>
        <source>It could not start.</source>
        <translation>无法启动。</translation>
    </message>
    <message>
        <source>Starting…</source>
        <translation>正在启动…</translation>
    </message>
    <message>
        <source>Your name</source>
        <translation>你的名字</translation>
    </message>
    <message>
        <source>Lock it with a passphrase</source>
        <translation>用口令锁定</translation>
    </message>
    <message>
        <source>Passphrase</source>
        <translation>口令</translation>
    </message>
    <message>
        <source>Nobody can open this home without it, and nobody can give it back to you.</source>
        <translation>没有口令谁也打不开，忘记了也没有人能帮你找回。</translation>
    </message>
    <message>
        <source>Start chatting</source>
        <translation>开始聊天</translation>
    </message>
    <message>
        <source>Unlock</source>
        <translation>解锁</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
</context>
<context>
    <name>When</name>
    <message>
        <source>Today</source>
        <translation>今天</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>昨天</translation>
    </message>
</context>
</TS>
