import QtQuick
import QtQuick.Controls.Basic
import "controls"

// What can be done with a message.
Choices {
    id: menu
    property string messageId
    property string replied
    property var links: []
    property bool own: false
    property bool gone: false
    signal answered(string id)
    signal shown(string id)
    signal linkWanted(string link)
    signal edited(string id)
    signal deleted(string id)
    signal explained(string id)
    signal reacted(string id, string emoji)

    function about(row, item, x, y) {
        messageId = row.messageId
        own = row.own
        replied = row.reply.id || ""
        links = row.hasLinks && !row.isDeleted ? chatView.timeline.links(row.messageId) : []
        gone = row.isDeleted
        popup(item, x, y)
    }
    Row {
        visible: !menu.gone
        height: visible ? Theme.px(40) : 0
        leftPadding: 4
        Repeater {
            model: ["👍", "❤️", "😂", "😮", "😢", "🎉"]
            AbstractButton {
                required property string modelData
                objectName: "react-" + modelData
                width: (menu.width - 20) / 6
                height: Theme.px(36)
                Accessible.name: qsTr("React with %1").arg(modelData)
                contentItem: Text {
                    text: parent.modelData
                    font.pixelSize: Theme.px(19)
                    horizontalAlignment: Text.AlignHCenter
                    verticalAlignment: Text.AlignVCenter
                }
                background: Rectangle { radius: 8; color: parent.hovered ? Theme.c.hover : "transparent" }
                onClicked: { menu.reacted(menu.messageId, modelData); menu.close() }
            }
        }
    }
    Entry { objectName: "menuReply"; text: qsTr("Reply"); sign: "reply"; visible: !menu.gone; onTriggered: menu.answered(menu.messageId) }
    Entry { objectName: "menuReact"; text: qsTr("React…"); sign: "smile"; visible: !menu.gone; onTriggered: emoji.open() }
    Entry { objectName: "menuLink"; text: qsTr("Open %1").arg(menu.links[0] || ""); sign: "link"; visible: menu.links.length > 0; onTriggered: menu.linkWanted(menu.links[0]) }
    Entry { text: qsTr("Open %1").arg(menu.links[1] || ""); sign: "link"; visible: menu.links.length > 1; onTriggered: menu.linkWanted(menu.links[1]) }
    Entry { text: qsTr("Open %1").arg(menu.links[2] || ""); sign: "link"; visible: menu.links.length > 2; onTriggered: menu.linkWanted(menu.links[2]) }
    Entry { objectName: "menuReplied"; text: qsTr("Show what it replies to"); sign: "reply"; visible: menu.replied !== "" && !menu.gone; onTriggered: menu.shown(menu.replied) }
    Entry { objectName: "menuCopy"; text: qsTr("Copy text"); sign: "copy"; visible: !menu.gone; onTriggered: { app.copy(chatView.timeline.whole(menu.messageId)); app.said.tell(qsTr("Copied")) } }
    Entry { objectName: "menuEdit"; text: qsTr("Edit"); sign: "edit"; visible: menu.own && !menu.gone; onTriggered: menu.edited(menu.messageId) }
    Entry { objectName: "menuExplain"; text: qsTr("Where is it?"); sign: "info"; onTriggered: menu.explained(menu.messageId) }
    Entry { objectName: "menuDelete"; text: qsTr("Delete"); sign: "trash"; danger: true; visible: menu.own && !menu.gone; onTriggered: menu.deleted(menu.messageId) }
    EmojiPicker {
        id: emoji
        objectName: "reactions"
        parent: Overlay.overlay
        anchors.centerIn: parent
        onPicked: sign => menu.reacted(menu.messageId, sign)
    }
}
