import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "controls"

// A conversation in the list.
AbstractButton {
    id: row
    required property string id
    required property string kind
    required property string title
    required property string account
    required property string initials
    required property int colour
    required property string preview
    required property string previewAuthor
    required property string previewState
    required property double at
    required property int unread
    required property string state_
    required property bool isOnline
    required property bool isVerified
    required property bool keyChanged
    readonly property string conversationId: id
    readonly property bool isOpen: chatView.now.id === id
    readonly property color ink: isOpen ? Theme.c.onSelected : Theme.c.text
    readonly property color inkFaint: isOpen ? Theme.c.onSelectedFaint : Theme.c.faint
    readonly property string lastWords: {
        if (keyChanged) return qsTr("Their key is in doubt")
        if (state_ === "asked") return qsTr("Has not answered yet")
        if (state_ === "joining") return qsTr("Waiting to be let in")
        if (previewState === "deleted") return qsTr("Message deleted")
        if (preview === "") return kind === "room" ? qsTr("Room") : qsTr("Contact")
        if (previewAuthor !== "") return previewAuthor + ": " + preview
        return preview
    }
    signal chosen()
    objectName: "conversation-" + title
    height: Theme.px(66)
    focusPolicy: Qt.NoFocus
    Accessible.role: Accessible.ListItem
    Accessible.name: title + (unread > 0 ? ", " + qsTr("%n unread", "", unread) : "") + ". " + lastWords
    onClicked: chosen()
    background: Rectangle {
        anchors.fill: parent
        anchors.leftMargin: 6
        anchors.rightMargin: 6
        anchors.topMargin: 1
        anchors.bottomMargin: 1
        radius: 10
        color: row.isOpen ? Theme.c.selected : row.hovered || row.down ? Theme.c.hover : "transparent"
        border.width: row.ListView.isCurrentItem && row.ListView.view.activeFocus ? 2 : 0
        border.color: Theme.c.accent
    }
    contentItem: RowLayout {
        spacing: 10
        Item {
            Layout.leftMargin: 14
            implicitWidth: Theme.px(46)
            implicitHeight: Theme.px(46)
            Avatar { size: Theme.px(46); account: row.account; letters: row.initials; colour: row.colour; isRoom: row.kind === "room" }
            Rectangle {
                visible: row.isOnline
                width: Theme.px(13)
                height: width
                radius: width / 2
                anchors.right: parent.right
                anchors.bottom: parent.bottom
                color: Theme.c.good
                border.width: 2
                border.color: row.isOpen ? Theme.c.selected : Theme.c.sidebar
                Accessible.name: qsTr("Connected")
            }
        }
        ColumnLayout {
            Layout.fillWidth: true
            Layout.rightMargin: 14
            spacing: 4
            RowLayout {
                Layout.fillWidth: true
                spacing: 6
                Words {
                    text: row.title
                    color: row.ink
                    font.weight: Font.DemiBold
                    Layout.fillWidth: true
                }
                StateMark { visible: row.previewState !== "" && row.previewState !== "deleted"; state_: row.previewState; tint: row.previewState === "read" ? Theme.c.accent : row.inkFaint }
                Words { text: When.brief(row.at); color: row.inkFaint; font.pixelSize: Theme.small }
            }
            RowLayout {
                Layout.fillWidth: true
                spacing: 6
                Words {
                    text: row.lastWords
                    color: row.keyChanged && !row.isOpen ? Theme.c.bad : row.inkFaint
                    Layout.fillWidth: true
                    maximumLineCount: 1
                }
                Badge { count: row.unread }
            }
        }
    }
}
