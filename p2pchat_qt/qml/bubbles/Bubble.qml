import QtQuick
import "../controls"
import ".."

// What one message says, with its time and state where there is room for them.
Rectangle {
    id: bubble
    required property var row
    property real maxWidth: 400
    readonly property color ink: row.own ? Theme.c.ownText : Theme.c.bubbleText
    readonly property color inkFaint: row.own ? Theme.c.ownFaint : Theme.c.bubbleFaint
    readonly property real inner: maxWidth - 24
    readonly property alias stateWords: state.words
    readonly property bool hasName: row.isRoom && !row.own && row.isFirst
    readonly property real lastLine: { body.contentWidth; body.contentHeight; body.width; return body.positionToRectangle(body.length).x }
    readonly property bool fits: lastLine + meta.width + 10 <= inner
    readonly property real bodyWidth: Math.max(body.width, fits ? lastLine + meta.width + 10 : meta.width)

    objectName: "bubble-" + row.messageId
    radius: Theme.radius
    topRightRadius: row.own && !row.isFirst ? 5 : radius
    topLeftRadius: !row.own && !row.isFirst ? 5 : radius
    bottomRightRadius: row.own ? (row.isLast ? 3 : 5) : radius
    bottomLeftRadius: !row.own ? (row.isLast ? 3 : 5) : radius
    color: row.own ? Theme.c.own : Theme.c.bubble
    border.width: row.ListView.isCurrentItem && row.ListView.view && row.ListView.view.activeFocus ? 2 : 0
    border.color: Theme.c.accent
    width: Math.min(maxWidth, Math.max(bodyWidth, name.visible ? name.implicitWidth : 0, strip.visible ? strip.wanted : 0, chips.visible ? Math.min(chips.implicitWidth, inner) : 0) + 24)
    height: column.height + 14

    Column {
        id: column
        x: 12
        y: 7
        width: bubble.width - 24
        spacing: 3
        Words {
            id: name
            visible: bubble.hasName
            width: parent.width
            text: bubble.row.authorName
            color: Theme.names[bubble.row.colour]
            font.weight: Font.DemiBold
            font.pixelSize: Theme.px(13)
        }
        ReplyStrip {
            id: strip
            visible: bubble.row.reply.id !== undefined && !bubble.row.isDeleted
            width: parent.width
            found: bubble.row.reply
            own: bubble.row.own
            onChosen: bubble.row.replyWanted(bubble.row.reply.id)
        }
        Item {
            width: parent.width
            height: body.height + (bubble.fits ? 0 : meta.height)
            TextEdit {
                id: body
                objectName: "body"
                textFormat: TextEdit.PlainText
                readOnly: true
                selectByMouse: true
                activeFocusOnPress: true
                activeFocusOnTab: false
                text: bubble.row.isDeleted ? qsTr("Message deleted") : bubble.row.body
                font.italic: bubble.row.isDeleted
                color: bubble.row.isDeleted ? bubble.inkFaint : bubble.ink
                selectionColor: Theme.c.accent
                selectedTextColor: Theme.c.onAccent
                font.pixelSize: Theme.px(14.5)
                width: Math.min(Math.ceil(implicitWidth), bubble.inner)
                wrapMode: TextEdit.WrapAtWordBoundaryOrAnywhere
                Accessible.ignored: true
                readonly property bool linked: bubble.row.hasLinks
                readonly property color linkColour: Theme.c.link
                onLinkedChanged: paint()
                onLinkColourChanged: paint()
                Component.onCompleted: paint()
                function paint() { if (linked) app.paint_links(textDocument, linkColour) }
                HoverHandler {
                    enabled: body.linked
                    cursorShape: body.linked && app.link_at(body.text, body.positionAt(point.position.x, point.position.y)) !== ""
                        ? Qt.PointingHandCursor : Qt.IBeamCursor
                }
                TapHandler {
                    enabled: body.linked
                    onTapped: point => {
                        const link = app.link_at(body.text, body.positionAt(point.position.x, point.position.y))
                        if (link !== "" && body.selectedText === "")
                            bubble.row.linkWanted(link)
                    }
                }
            }
            Row {
                id: meta
                anchors.right: parent.right
                anchors.bottom: parent.bottom
                anchors.bottomMargin: -2
                spacing: 3
                Text {
                    visible: bubble.row.isEdited && !bubble.row.isDeleted
                    text: qsTr("edited")
                    color: bubble.inkFaint
                    font.pixelSize: Theme.px(11)
                }
                Text {
                    text: When.time(bubble.row.sentAt)
                    color: bubble.inkFaint
                    font.pixelSize: Theme.px(11)
                }
                StateMark {
                    id: state
                    objectName: "state-" + bubble.row.messageState
                    visible: bubble.row.own && !bubble.row.isDeleted
                    state_: bubble.row.messageState
                    tint: bubble.row.messageState === "read" ? Theme.c.link : bubble.inkFaint
                    TapHandler { margin: 8; onTapped: bubble.row.explainWanted() }
                    HoverHandler { cursorShape: Qt.PointingHandCursor }
                }
            }
        }
        Loader {
            active: bubble.row.isCut && !bubble.row.isDeleted
            visible: active
            sourceComponent: PushButton {
                implicitHeight: Theme.px(30)
                text: qsTr("Show all of it")
                onClicked: chatView.timeline.show_whole(bubble.row.messageId)
            }
        }
        Flow {
            id: chips
            visible: bubble.row.reactions.length > 0 && !bubble.row.isDeleted
            width: Math.min(implicitWidth, bubble.inner)
            spacing: 4
            topPadding: 2
            bottomPadding: 2
            Repeater {
                model: chips.visible ? bubble.row.reactions : []
                ReactionChip {
                    own: bubble.row.own
                    onClicked: bubble.row.reacted(modelData.emoji, modelData.mine)
                }
            }
        }
    }
}
