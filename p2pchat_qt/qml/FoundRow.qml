import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "controls"

// A message that has the sought words.
AbstractButton {
    id: row
    required property string id
    required property string conversation
    required property string title
    required property string author
    required property string account
    required property bool isRoom
    required property string initials
    required property int colour
    required property double at
    required property string text_
    readonly property string messageId: id
    signal chosen()
    objectName: "found-" + id
    height: Theme.px(58)
    Accessible.role: Accessible.ListItem
    Accessible.name: title + ", " + author + ": " + text_
    onClicked: chosen()
    Keys.onReturnPressed: chosen()
    Keys.onEnterPressed: chosen()
    background: Rectangle { anchors.fill: parent; anchors.leftMargin: 6; anchors.rightMargin: 6; radius: 10; color: row.hovered ? Theme.c.hover : "transparent"; border.width: row.visualFocus ? 2 : 0; border.color: Theme.c.accent }
    contentItem: RowLayout {
        spacing: 10
        Avatar { Layout.leftMargin: 16; size: Theme.px(36); account: row.account; letters: row.initials; colour: row.colour; isRoom: row.isRoom }
        ColumnLayout {
            Layout.fillWidth: true
            Layout.rightMargin: 14
            spacing: 2
            RowLayout {
                Words { text: row.title; font.weight: Font.DemiBold; font.pixelSize: Theme.px(13); Layout.fillWidth: true }
                Words { text: When.brief(row.at); color: Theme.c.faint; font.pixelSize: Theme.small }
            }
            Words { text: row.author + ": " + row.text_; color: Theme.c.faint; font.pixelSize: Theme.px(13); Layout.fillWidth: true; maximumLineCount: 1 }
        }
    }
}
