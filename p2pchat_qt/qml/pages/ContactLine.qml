import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "../controls"

// A contact, and what can be done.
Rectangle {
    id: line
    required property string id
    required property string account
    required property string name
    required property string bio
    required property string state
    required property bool isVerified
    required property bool keyChanged
    required property string initials
    required property int colour
    required property string flags
    signal opened()
    signal more(Item button)
    height: inside.implicitHeight + 20
    radius: Theme.radius
    color: Theme.c.window
    border.width: 1
    border.color: Theme.c.line
    RowLayout {
        id: inside
        anchors.verticalCenter: parent.verticalCenter
        x: 14
        width: parent.width - 22
        spacing: 12
        Avatar { account: line.account; letters: line.initials; colour: line.colour }
        ColumnLayout {
            Layout.fillWidth: true
            spacing: 2
            RowLayout {
                spacing: 4
                Words { text: line.name; font.weight: Font.DemiBold; Layout.maximumWidth: line.width - Theme.px(170) }
                IconButton { visible: line.isVerified; enabled: false; sign: "shield"; text: qsTr("Verified"); icon.color: Theme.c.good; size: Theme.px(18); icon.width: Theme.px(16); icon.height: Theme.px(16) }
            }
            Words {
                Layout.fillWidth: true
                wrapMode: Text.Wrap
                maximumLineCount: 3
                color: line.keyChanged || line.flags !== "" ? Theme.c.bad : Theme.c.faint
                font.pixelSize: Theme.small
                text: line.keyChanged ? qsTr("Their key is in doubt")
                    : line.state === "asked" ? qsTr("Has not answered yet")
                    : line.state === "blocked" ? qsTr("Blocked")
                    : line.flags !== "" ? Oddities.words(line.flags)
                    : line.bio !== "" ? line.bio : line.account.slice(0, 20) + "…"
            }
        }
        PushButton {
            objectName: "unblock-" + line.name
            visible: line.state === "blocked"
            text: qsTr("Unblock")
            onClicked: peopleView.block(line.account, false)
        }
        IconButton { objectName: "write-" + line.name; visible: line.state !== "blocked"; sign: "chats"; text: qsTr("Write to %1").arg(line.name); onClicked: line.opened() }
        IconButton {
            objectName: "more-" + line.name
            sign: "more"
            text: qsTr("More about %1").arg(line.name)
            onClicked: line.more(this)
        }
    }
}
