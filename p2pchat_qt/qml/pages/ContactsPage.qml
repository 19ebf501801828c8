import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "../controls"

// People: who asks, who is known, and our own link to be given to others.
Page {
    id: page
    signal opened(string id)
    signal adding()
    signal safety(string account, string name)
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
                required property string kind
                required property string initials
                required property int colour
                Layout.fillWidth: true
                spacing: 8
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
                    }
                }
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
        Image {
            objectName: "myQr"
            visible: source != ""
            source: peopleView.now.qr
            smooth: false
            fillMode: Image.PreserveAspectFit
            Layout.preferredWidth: Math.min(Theme.px(220), parent.width)
            Layout.preferredHeight: Layout.preferredWidth
            Layout.alignment: Qt.AlignHCenter
            Accessible.role: Accessible.Graphic
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
        Empty {
            visible: people.count === 0
            Layout.fillWidth: true
            Layout.topMargin: 10
            Layout.bottomMargin: 10
            sign: "people"
            title: qsTr("Nobody yet")
            hint: qsTr("Paste a friend's link, or give them yours.")
            action: qsTr("Add a contact")
            onActed: page.adding()
        }
        Repeater {
            id: people
            model: peopleView.contacts
            delegate: ContactLine {
                Layout.fillWidth: true
                onOpened: page.opened(id)
                onSafety: page.safety(account, name)
                onBlocked: page.asked(qsTr("Block %1?").arg(name), qsTr("Nothing of theirs reaches you, and they are not told."), qsTr("Block"), () => peopleView.block(account, true))
                onRemoved: page.asked(qsTr("Remove %1?").arg(name), qsTr("Nothing of theirs reaches you until you add them again. What was said stays."), qsTr("Remove"), () => peopleView.remove(account))
            }
        }
    }
}
