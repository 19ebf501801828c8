import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "controls"

// The open conversation: who it is with, what was said, and what is being written.
Rectangle {
    id: page
    property bool isNarrow: false
    property bool hasNobody: false
    readonly property bool isRoom: chatView.now.kind === "room"
    // Why nothing can be written here; empty where it can.
    readonly property string whyNot: {
        if (chatView.now.isGone)
            return isRoom ? qsTr("You are not in this room any more.") : qsTr("They are no contact of yours any more. What was said stays.")
        if (chatView.now.keyChanged)
            return qsTr("Nothing is sent to them before you have compared.")
        return ({
            asked: qsTr("You can write once they have said yes."),
            joining: qsTr("You can write once somebody has let you in."),
            "read-only": qsTr("You may read here, and not write."),
            removed: qsTr("You were removed from this room."),
            banned: qsTr("You were removed from this room for good.")
        })[chatView.now.state_] || ""
    }
    readonly property bool mayWrite: whyNot === ""
    signal safety(string account, string name)
    signal back()
    signal detailed()
    signal linkWanted(string link)
    signal adding()
    color: Theme.c.chat

    Empty {
        anchors.centerIn: parent
        width: Math.min(parent.width - 40, 420)
        visible: chatView.now.id === ""
        sign: "chats"
        title: page.hasNobody ? qsTr("Whom do you want to talk to?") : qsTr("Choose a conversation")
        hint: page.hasNobody ? qsTr("Send your link to a friend, or paste the one they sent you. You can write to each other as soon as one of you has accepted the other.")
            : qsTr("Or press Ctrl+K to go to one by its name.")
        action: page.hasNobody ? qsTr("Add a contact") : ""
        onActed: page.adding()
    }
    ColumnLayout {
        anchors.fill: parent
        spacing: 0
        visible: chatView.now.id !== ""
        Rectangle {
            Layout.fillWidth: true
            implicitHeight: Theme.px(56)
            color: Theme.c.window
            RowLayout {
                anchors.fill: parent
                anchors.leftMargin: page.isNarrow ? 4 : 16
                anchors.rightMargin: 10
                spacing: 10
                IconButton { objectName: "chatBack"; visible: page.isNarrow; sign: "back"; text: qsTr("Back"); onClicked: page.back() }
                Avatar { size: Theme.px(38); account: page.isRoom ? "" : chatView.now.account; letters: chatView.now.initials; colour: chatView.now.colour; isRoom: page.isRoom }
                ColumnLayout {
                    Layout.fillWidth: true
                    spacing: 1
                    RowLayout {
                        spacing: 5
                        Words {
                            objectName: "chatTitle"
                            text: chatView.now.title
                            font.weight: Font.DemiBold
                            font.pixelSize: Theme.px(15)
                            Layout.maximumWidth: page.width - Theme.px(170)
                            Accessible.role: Accessible.Heading
                        }
                        IconButton {
                            visible: chatView.now.isVerified
                            enabled: false
                            sign: "shield"
                            text: qsTr("Verified")
                            icon.color: Theme.c.good
                            size: Theme.px(18)
                            icon.width: Theme.px(16)
                            icon.height: Theme.px(16)
                        }
                    }
                    Words {
                        objectName: "chatSubtitle"
                        Layout.fillWidth: true
                        font.pixelSize: Theme.small
                        color: isWriting ? Theme.c.accent : Theme.c.faint
                        readonly property bool isWriting: !page.isRoom && writersView.now.accounts.includes(chatView.now.account)
                        text: {
                            if (isWriting) return qsTr("is writing…")
                            if (chatView.now.state_ === "asked") return qsTr("Has not answered yet")
                            if (chatView.now.state_ === "joining") return qsTr("Waiting to be let in")
                            if (!page.isRoom)
                                return chatView.now.isOnline ? qsTr("Connected") : qsTr("Not connected")
                            const count = qsTr("%n member(s)", "", chatView.now.membersCount)
                            return chatView.now.isPublic ? count + " · " + qsTr("anybody can read here") : count
                        }
                    }
                }
                IconButton { objectName: "detailsButton"; sign: "info"; text: qsTr("Details"); onClicked: page.detailed() }
            }
            Rectangle { width: parent.width; height: 1; anchors.bottom: parent.bottom; color: Theme.c.line }
        }
        Rectangle {
            objectName: "announcement"
            visible: chatView.now.announcement !== ""
            Layout.fillWidth: true
            implicitHeight: visible ? announced.implicitHeight + 18 : 0
            color: Theme.c.raised
            RowLayout {
                id: announced
                x: 12
                y: 9
                width: parent.width - 28
                IconButton { enabled: false; sign: "megaphone"; icon.color: Theme.c.accent; size: Theme.px(26); Accessible.ignored: true }
                Paragraph { text: chatView.now.announcement; maximumLineCount: 3; elide: Text.ElideRight; Layout.fillWidth: true }
            }
            Rectangle { width: parent.width; height: 1; anchors.bottom: parent.bottom; color: Theme.c.line }
        }
        Rectangle {
            objectName: "keyAlarm"
            visible: chatView.now.keyChanged
            Layout.fillWidth: true
            implicitHeight: visible ? alarm.implicitHeight + 18 : 0
            color: Theme.c.bad
            RowLayout {
                id: alarm
                x: 16
                y: 9
                width: parent.width - 28
                spacing: 12
                Paragraph { text: qsTr("A device of %1 says that it acts for another account. Compare the safety number before you trust it.").arg(chatView.now.title); color: Theme.c.onBad; Layout.fillWidth: true }
                PushButton { objectName: "compareKey"; text: qsTr("Compare…"); onClicked: page.safety(chatView.now.account, chatView.now.title) }
            }
        }
        Timeline {
            id: timeline
            objectName: "timeline"
            Layout.fillWidth: true
            Layout.fillHeight: true
            isRoom: page.isRoom
            onLinkWanted: link => page.linkWanted(link)
            onMenuWanted: (row, item, x, y) => menu.about(row, item, x, y)
            onReacted: (id, emoji, mine) => chatView.react(id, emoji, mine)
            onExplainWanted: id => chatView.explain(id)
        }
        Composer {
            id: composer
            objectName: "composer"
            Layout.fillWidth: true
            visible: page.mayWrite
            onEditLast: {
                const id = timeline.lastOwn()
                if (id !== "") chatView.edit(id)
            }
        }
        Rectangle {
            visible: !page.mayWrite
            Layout.fillWidth: true
            implicitHeight: Theme.px(54)
            color: Theme.c.window
            Words {
                anchors.centerIn: parent
                width: parent.width - 24
                horizontalAlignment: Text.AlignHCenter
                wrapMode: Text.Wrap
                color: Theme.c.faint
                objectName: "whyNot"
                text: page.whyNot
            }
        }
    }
    MessageMenu {
        id: menu
        objectName: "messageMenu"
        onAnswered: id => { chatView.reply(id); composer.focusText() }
        onEdited: id => { chatView.edit(id); composer.focusText() }
        onDeleted: id => confirmDelete.about(qsTr("Delete this message?"),
            qsTr("Its words go from here, and from everybody who hears of it."), qsTr("Delete"), () => chatView.delete(id))
        onExplained: id => chatView.explain(id)
        onReacted: (id, emoji) => chatView.react(id, emoji, chatView.timeline.is_mine(id, emoji))
        onShown: id => chatView.jump(id)
        onLinkWanted: link => page.linkWanted(link)
    }
    Ask { id: confirmDelete; objectName: "confirmDelete" }
    Explanation { id: explanation; objectName: "explanation" }
    Connections {
        target: chatView
        function onExplained(found) { explanation.about(found) }
        function onOpened(id) { if (id !== "" && !page.isNarrow) composer.focusText() }
    }
}
