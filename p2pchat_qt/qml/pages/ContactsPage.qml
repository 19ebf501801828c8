import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "../controls"

// People: who asks, who is known, and our own link to be given to others.
Page {
    id: page
    signal opened(string id)
    signal adding()
    signal safety(string account, string name, bool isTrust)
    signal asked(string title, string words, string yes, var act)
    title: qsTr("Contacts")
    tools: [
        IconButton { objectName: "addContactButton"; sign: "plus"; tint: Theme.c.accent; text: qsTr("Add a contact"); onClicked: page.adding() }
    ]

    Card {
        title: qsTr("Requests")
        visible: requests.count > 0
        Repeater {
            id: requests
            model: peopleView.requests
            delegate: ColumnLayout {
                id: request
                required property string id
                required property string account
                required property string name
                required property string bio
                required property string flags
                required property string introducer
                required property string kind
                required property string initials
                required property int colour
                required property int index
                Layout.fillWidth: true
                spacing: 8
                Rectangle { visible: request.index > 0; Layout.fillWidth: true; Layout.topMargin: 4; Layout.bottomMargin: 6; implicitHeight: 1; color: Theme.c.line }
                RowLayout {
                    spacing: 12
                    Avatar { letters: request.initials; colour: request.colour; isRoom: request.kind === "room" }
                    ColumnLayout {
                        Layout.fillWidth: true
                        spacing: 2
                        Words { text: request.name; font.weight: Font.DemiBold; Layout.fillWidth: true }
                        Words {
                            text: request.kind === "room" ? qsTr("Invites you into this room") : qsTr("Wants to be your contact")
                            color: Theme.c.faint
                            font.pixelSize: Theme.small
                            Layout.fillWidth: true
                        }
                        Words { visible: text !== ""; text: request.introducer === "" ? "" : qsTr("Introduced by %1").arg(request.introducer); color: Theme.c.faint; font.pixelSize: Theme.small; Layout.fillWidth: true }
                    }
                }
                Paragraph { objectName: "requestFlags"; visible: text !== ""; text: Oddities.words(request.flags); color: Theme.c.bad; Layout.fillWidth: true }
                Paragraph { visible: text !== ""; text: request.bio; Layout.fillWidth: true }
                Words { visible: text !== ""; text: request.account; elide: Text.ElideMiddle; font.family: "monospace"; font.pixelSize: Theme.small; color: Theme.c.faint; Layout.fillWidth: true }
                Flow {
                    Layout.fillWidth: true
                    spacing: 8
                    PushButton {
                        objectName: "accept-" + request.name
                        text: request.kind === "room" ? qsTr("Go in") : qsTr("Accept")
                        primary: true
                        onClicked: request.kind === "room" ? peopleView.answer_room(request.id, true) : peopleView.answer(request.account, true)
                    }
                    PushButton {
                        objectName: "reject-" + request.name
                        text: qsTr("Decline")
                        onClicked: request.kind === "room" ? peopleView.answer_room(request.id, false) : peopleView.answer(request.account, false)
                    }
                    PushButton {
                        visible: request.kind === "contact"
                        text: qsTr("Block")
                        danger: true
                        onClicked: peopleView.block(request.account, true)
                    }
                }
            }
        }
    }
    Card {
        title: qsTr("Your link")
        hint: qsTr("Who has it can ask to be your contact. Nobody can write to you before you accept.")
        Copied { objectName: "myLink"; words: peopleView.now.link; done: qsTr("Your link is copied") }
        Qr {
            objectName: "myQr"
            visible: source != ""
            source: peopleView.now.qr
            most: Math.min(Theme.px(280), page.contentWidth - 40)
            Layout.preferredWidth: side
            Layout.preferredHeight: side
            Layout.alignment: Qt.AlignHCenter
            Accessible.name: qsTr("Your link as a QR code")
        }
        PushButton {
            text: qsTr("Make another link")
            Layout.alignment: Qt.AlignHCenter
            onClicked: page.asked(qsTr("Make another link?"), qsTr("The present one leads to nothing any more. Your contacts stay."), qsTr("Make another"), () => peopleView.renew_link())
        }
    }
    Card {
        title: qsTr("Contacts")
        visible: page.rowsCount === 0
        Empty {
            Layout.fillWidth: true
            Layout.topMargin: 10
            Layout.bottomMargin: 10
            sign: "people"
            title: qsTr("Nobody yet")
            hint: qsTr("Paste a friend's link, or give them yours.")
            action: qsTr("Add a contact")
            onActed: page.adding()
        }
    }
    Words {
        visible: page.rowsCount > 0
        text: qsTr("Contacts") + " · " + page.rowsCount
        color: Theme.c.accent
        font.weight: Font.DemiBold
        Layout.fillWidth: true
        Layout.leftMargin: 4
        Accessible.role: Accessible.Heading
    }
    rows: peopleView.contacts
    row: ContactLine {
        objectName: "contactLine"
        width: page.contentWidth
        anchors.horizontalCenter: parent ? parent.horizontalCenter : undefined
        onOpened: page.opened(id)
        onMore: button => menu.about(this, button)
    }
    // One for all contacts: it is about whose button was pressed.
    Choices {
        id: menu
        objectName: "contactMenu"
        property string account
        property string name
        property string state
        property bool keyChanged: false
        function about(line, button) {
            account = line.account
            name = line.name
            state = line.state
            keyChanged = line.keyChanged
            popup(button, 0, button.height)
        }
        Entry { objectName: "menuVerify"; text: menu.keyChanged ? qsTr("Compare the safety number…") : qsTr("Verify"); sign: "shield"; visible: menu.state === "accepted"; onTriggered: page.safety(menu.account, menu.name, menu.keyChanged) }
        Entry { text: qsTr("Copy account"); sign: "copy"; onTriggered: { app.copy(menu.account); app.said.tell(qsTr("Copied")) } }
        Entry { text: qsTr("Remove"); sign: "trash"; danger: true; visible: menu.state !== "blocked"; onTriggered: menu.ask(qsTr("Remove %1?"), qsTr("Nothing of theirs reaches you until you add them again. What was said stays."), qsTr("Remove"), account => peopleView.remove(account)) }
        Entry { text: qsTr("Block"); sign: "block"; danger: true; visible: menu.state !== "blocked"; onTriggered: menu.ask(qsTr("Block %1?"), qsTr("Nothing of theirs reaches you, and they are not told."), qsTr("Block"), account => peopleView.block(account, true)) }
        function ask(title, words, yes, act) {
            const account = menu.account
            page.asked(title.arg(menu.name), words, yes, () => act(account))
        }
    }
}
