import QtQuick
import "../controls"
import ".."

// A message in its place: the day or the line of what is unread above it, its author beside it.
Item {
    id: row
    required property int index
    // All of it at once: each part by itself would be a call into Python, and each of those waits
    // for the node's thread to give Python's lock away.
    required property var parts
    readonly property string messageId: parts.messageId
    readonly property string author: parts.author
    readonly property string authorName: parts.authorName
    readonly property string initials: parts.initials
    readonly property int colour: parts.colour
    readonly property bool own: parts.own
    readonly property string body: parts.body
    readonly property bool isCut: parts.isCut
    readonly property bool hasLinks: parts.hasLinks
    readonly property double sentAt: parts.sentAt
    readonly property string messageState: parts.messageState
    readonly property bool isEdited: parts.isEdited
    readonly property bool isDeleted: parts.isDeleted
    readonly property string day: parts.day
    readonly property bool isUnreadFrom: parts.isUnreadFrom
    readonly property bool isFirst: parts.isFirst
    readonly property bool isLast: parts.isLast
    readonly property var reply: parts.reply
    readonly property var reactions: parts.reactions
    property bool isRoom: false
    property bool isShown: false
    readonly property bool hasAvatar: isRoom && !own
    signal linkWanted(string link)
    signal menuWanted(real x, real y)
    signal reacted(string emoji, bool mine)
    signal explainWanted()
    signal replyWanted(string id)

    implicitHeight: above.height + bubble.height + (isFirst ? 8 : 2)
    Accessible.role: Accessible.ListItem
    Accessible.name: [
        (own ? qsTr("You") : authorName) + ": " + (isDeleted ? qsTr("Message deleted") : body),
        !isDeleted && reply.id !== undefined ? qsTr("Reply to %1").arg(reply.name || qsTr("Message")) : "",
        isEdited && !isDeleted ? qsTr("edited") : "",
        reactions.map(each => each.emoji + " " + each.count).join(" "),
        When.time(sentAt),
        own && !isDeleted ? bubble.stateWords : ""
    ].filter(part => part !== "").join(", ")

    Rectangle {
        anchors.fill: parent
        color: Theme.c.accent
        opacity: row.isShown ? 0.18 : 0
        Behavior on opacity { NumberAnimation { duration: 300 } }
    }
    Column {
        id: above
        width: parent.width
        Item {
            visible: row.day !== ""
            width: parent.width
            height: visible ? pill.height + 16 : 0
            Rectangle {
                id: pill
                anchors.centerIn: parent
                width: dayLabel.implicitWidth + 22
                height: dayLabel.implicitHeight + 8
                radius: height / 2
                color: Theme.c.day
                Words {
                    id: dayLabel
                    objectName: "day"
                    anchors.centerIn: parent
                    text: row.day === "" ? "" : When.day(row.day)
                    color: Theme.c.onDay
                    font.pixelSize: Theme.small
                    font.weight: Font.Medium
                }
            }
        }
        Rectangle {
            objectName: "unreadLine"
            visible: row.isUnreadFrom
            width: parent.width
            height: visible ? Theme.px(28) : 0
            color: Theme.c.raised
            Words {
                anchors.centerIn: parent
                text: qsTr("Unread messages")
                color: Theme.c.accent
                font.pixelSize: Theme.small
                font.weight: Font.Medium
            }
        }
    }
    Avatar {
        visible: row.hasAvatar && row.isLast
        size: Theme.px(34)
        x: 10
        anchors.bottom: parent.bottom
        account: row.author
        letters: row.initials
        colour: row.colour
    }
    Bubble {
        id: bubble
        row: row
        anchors.bottom: parent.bottom
        x: row.own ? row.width - width - 14 : row.hasAvatar ? Theme.px(34) + 20 : 14
        maxWidth: Math.min(Theme.px(520), row.width - (row.hasAvatar ? Theme.px(34) + 20 : 14) - 54)
    }
    TapHandler {
        acceptedButtons: Qt.RightButton
        onTapped: point => row.menuWanted(point.position.x, point.position.y)
    }
    TapHandler {
        acceptedDevices: PointerDevice.TouchScreen
        onLongPressed: row.menuWanted(point.position.x, point.position.y)
    }
}
