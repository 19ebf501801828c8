import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts

// A line that leads to a page of its own: what it is, and what is there.
AbstractButton {
    id: line
    property string sign
    property string detail
    implicitHeight: Math.max(Theme.px(48), words.implicitHeight + 12)
    focusPolicy: Qt.StrongFocus
    Accessible.role: Accessible.Link
    Accessible.name: text
    Accessible.description: detail
    contentItem: RowLayout {
        spacing: 12
        IconButton { sign: line.sign; enabled: false; icon.color: Theme.c.accent; size: Theme.px(26); Accessible.ignored: true }
        ColumnLayout {
            id: words
            Layout.fillWidth: true
            spacing: 2
            Words { text: line.text; font.weight: Font.Medium; wrapMode: Text.Wrap; Layout.fillWidth: true; Accessible.ignored: true }
            Words { visible: line.detail !== ""; text: line.detail; color: Theme.c.faint; font.pixelSize: Theme.small; wrapMode: Text.Wrap; Layout.fillWidth: true; Accessible.ignored: true }
        }
        IconButton { sign: "next"; enabled: false; icon.color: Theme.c.faint; size: Theme.px(22); Accessible.ignored: true }
    }
    leftInset: -8
    rightInset: -8
    background: Rectangle {
        radius: 10
        color: line.hovered || line.down ? Theme.c.hover : "transparent"
        border.width: line.visualFocus ? 2 : 0
        border.color: Theme.c.accent
    }
    Keys.onReturnPressed: clicked()
    Keys.onEnterPressed: clicked()
}
