import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "controls"

// About the open conversation: a contact and its keys, or a room with its members.
Rectangle {
    id: details
    readonly property var now: chatView.now
    readonly property bool isRoom: now.kind === "room"
    readonly property bool leads: isRoom && now.roomKind === "invited" && (now.role === "owner" || now.role === "admin")
    signal safety(string account, string name)
    signal asked(string title, string words, string yes, var act)
    signal inviting()
    signal letIn()
    signal done()
    color: Theme.c.window
    Rectangle { width: 1; height: parent.height; color: Theme.c.line }

    function role(name) {
        return ({ owner: qsTr("Owner"), admin: qsTr("Admin"), member: "", "read-only": qsTr("Reads only"), joining: qsTr("Waiting"), removed: qsTr("Removed"), banned: qsTr("Banned") })[name] || ""
    }

    ListView {
        id: members
        objectName: "members"
        anchors.fill: parent
        anchors.leftMargin: 16
        anchors.rightMargin: 16
        clip: true
        reuseItems: true
        spacing: 14
        boundsBehavior: Flickable.StopAtBounds
        ScrollBar.vertical: ScrollBar {}
        model: details.isRoom ? chatView.members : null
        // What stands above grows while it is read: the top stays in sight until somebody scrolls.
        property bool isMoved: false
        onMovementStarted: isMoved = true
        header: ColumnLayout {
            width: members.width
            spacing: 14
            onHeightChanged: if (!members.isMoved) Qt.callLater(members.positionViewAtBeginning)
            Item { implicitHeight: 1 }
            IconButton { sign: "close"; text: qsTr("Close"); Layout.alignment: Qt.AlignRight; onClicked: details.done() }
            Avatar { size: Theme.px(84); account: details.isRoom ? "" : details.now.account; letters: details.now.initials; colour: details.now.colour; isRoom: details.isRoom; Layout.alignment: Qt.AlignHCenter; Layout.topMargin: -10 }
            Words { text: details.now.title; font.pixelSize: Theme.large; font.weight: Font.DemiBold; horizontalAlignment: Text.AlignHCenter; wrapMode: Text.Wrap; Layout.fillWidth: true; Accessible.role: Accessible.Heading }
            Words {
                text: !details.isRoom ? (details.now.isOnline ? qsTr("Connected") : qsTr("Not connected"))
                    : details.now.roomKind === "open" ? qsTr("Open room") : details.now.roomKind === "password" ? qsTr("Room with a password") : qsTr("Room by invitation")
                color: Theme.c.faint
                horizontalAlignment: Text.AlignHCenter
                Layout.fillWidth: true
                Layout.topMargin: -8
            }
            Paragraph { visible: text !== ""; text: details.now.description; horizontalAlignment: Text.AlignHCenter; Layout.fillWidth: true }

            // A contact
            Copied { visible: !details.isRoom; words: details.now.account; Layout.fillWidth: true }
            PushButton { objectName: "verify"; visible: !details.isRoom && details.now.state_ === "accepted" && !details.now.keyChanged; text: details.now.isVerified ? qsTr("Verified") : qsTr("Verify"); Layout.fillWidth: true; onClicked: details.safety(details.now.account, details.now.title) }
            PushButton {
                objectName: "block"
                visible: !details.isRoom
                text: qsTr("Block")
                danger: true
                Layout.fillWidth: true
                onClicked: details.asked(qsTr("Block %1?").arg(details.now.title), qsTr("Nothing of theirs reaches you, and they are not told."), qsTr("Block"), () => { peopleView.block(details.now.account, true); chatView.open("") })
            }

            // A room
            PushButton { objectName: "invitePeople"; visible: details.leads; text: qsTr("Invite by a link"); primary: true; Layout.fillWidth: true; onClicked: details.inviting() }
            PushButton { objectName: "addMembers"; visible: details.leads; text: qsTr("Add contacts"); Layout.fillWidth: true; onClicked: details.letIn() }
            PushButton { objectName: "editRoom"; visible: details.leads; text: qsTr("Name and announcement"); Layout.fillWidth: true; onClicked: edit.begin() }
            Paragraph {
                objectName: "historyOf"
                visible: details.isRoom && details.now.roomKind === "invited" && details.now.history !== ""
                color: Theme.c.faint
                font.pixelSize: Theme.small
                Layout.fillWidth: true
                text: {
                    const past = details.now.history
                    if (past === "none") return qsTr("Newcomers read nothing that was said before.")
                    if (past === "joining") return qsTr("Newcomers read what was said from their joining on.")
                    if (past.startsWith("last:")) return qsTr("Newcomers read the last %1 messages.").arg(past.slice(5))
                    return qsTr("Newcomers read all that was said before.")
                }
            }
            Words { visible: details.isRoom; text: qsTr("Members") + " · " + members.count; color: Theme.c.accent; font.weight: Font.DemiBold; Layout.fillWidth: true; Layout.topMargin: 6 }
            Item { implicitHeight: 1 }
        }
        delegate: RowLayout {
            id: member
            required property string account
            required property string name
            required property string role
            required property string initials
            required property int colour
            required property bool isMe
            readonly property bool canChange: details.leads && !isMe && role !== "owner" && (details.now.role === "owner" || role !== "admin")
            objectName: "memberRow"
            width: members.width
            spacing: 10
            Avatar { size: Theme.px(34); account: member.account; letters: member.initials; colour: member.colour }
            ColumnLayout {
                Layout.fillWidth: true
                spacing: 1
                Words { text: member.isMe ? qsTr("%1 (you)").arg(member.name) : member.name; Layout.fillWidth: true }
                Words { visible: text !== ""; text: details.role(member.role); color: Theme.c.faint; font.pixelSize: Theme.small; Layout.fillWidth: true }
            }
            IconButton {
                objectName: "member-" + member.name
                visible: member.canChange
                sign: "more"
                text: qsTr("More about %1").arg(member.name)
                onClicked: roles.about(member, this)
            }
        }
        footer: Item {
            width: members.width
            height: leave.visible ? leave.implicitHeight + 40 : 24
            PushButton {
                id: leave
                objectName: "leave"
                visible: details.isRoom
                danger: true
                text: details.now.state_ === "joining" ? qsTr("Ask no more") : qsTr("Leave the room")
                width: parent.width
                y: 16
                onClicked: {
                    const id = details.now.id, isJoining = details.now.state_ === "joining"
                    details.asked(qsTr("Leave %1?").arg(details.now.title), qsTr("The room and what others said in it go from this device."), qsTr("Leave"), () => roomsView.leave(id, isJoining))
                }
            }
        }
    }
    Connections {
        target: chatView
        function onOpened() { members.isMoved = false; members.positionViewAtBeginning() }
    }
    // One for all members: it is about whose button was pressed.
    Choices {
        id: roles
        objectName: "roles"
        property string room
        property string account
        property string called
        property string held
        function about(member, button) {
            room = details.now.id
            account = member.account
            called = member.name
            held = member.role
            popup(button, 0, button.height)
        }
        Entry { text: qsTr("Make an admin"); visible: details.now.role === "owner" && roles.held !== "admin"; onTriggered: roomsView.set_role(roles.room, roles.account, "admin") }
        Entry { text: qsTr("Make a member"); visible: roles.held !== "member"; onTriggered: roomsView.set_role(roles.room, roles.account, "member") }
        Entry { text: qsTr("May only read"); visible: roles.held === "member"; onTriggered: roomsView.set_role(roles.room, roles.account, "read-only") }
        Entry { text: qsTr("Remove"); danger: true; onTriggered: roles.ask(qsTr("Remove %1?"), qsTr("They read nothing that is said from now on."), qsTr("Remove"), false) }
        Entry { text: qsTr("Ban"); danger: true; onTriggered: roles.ask(qsTr("Ban %1?"), qsTr("They are removed, and nobody can let them in again."), qsTr("Ban"), true) }
        function ask(title, words, yes, isForGood) {
            const room = roles.room, account = roles.account
            details.asked(title.arg(roles.called), words, yes, () => roomsView.remove(room, account, isForGood))
        }
    }
    Box {
        id: edit
        title: qsTr("Name and announcement")
        function begin() {
            name.text = details.now.title
            about.text = details.now.description
            announcement.text = details.now.announcement
            open()
        }
        Field { id: name; objectName: "roomName"; Layout.fillWidth: true; placeholderText: qsTr("Name of the room"); maximumLength: 64 }
        Field { id: about; objectName: "roomAbout"; Layout.fillWidth: true; placeholderText: qsTr("What it is about"); maximumLength: 500 }
        Field { id: announcement; objectName: "roomAnnouncement"; Layout.fillWidth: true; placeholderText: qsTr("What all shall know"); maximumLength: 1000 }
        buttons: [
            PushButton {
                objectName: "saveRoom"
                text: qsTr("Save")
                primary: true
                enabled: name.text.trim() !== ""
                onClicked: {
                    const id = details.now.id
                    if (name.text !== details.now.title) roomsView.rename(id, name.text)
                    if (about.text !== details.now.description) roomsView.describe(id, about.text)
                    if (announcement.text !== details.now.announcement) roomsView.announce(id, announcement.text)
                    edit.close()
                }
            },
            PushButton { text: qsTr("Cancel"); onClicked: edit.close() }
        ]
    }
}
