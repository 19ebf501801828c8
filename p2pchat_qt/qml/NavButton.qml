import QtQuick
import QtQuick.Controls.Basic
import "controls"

// A way to a page, with how much waits there.
AbstractButton {
    id: button
    property string sign
    property bool isHere: false
    property int count: 0
    implicitHeight: Theme.px(50)
    focusPolicy: Qt.TabFocus
    Accessible.role: Accessible.PageTab
    Accessible.name: count > 0 ? qsTr("%1, %2 new").arg(text).arg(count) : text
    Accessible.selected: isHere
    contentItem: Column {
        spacing: 2
        topPadding: 4
        IconButton {
            anchors.horizontalCenter: parent.horizontalCenter
            sign: button.sign
            enabled: false
            icon.color: button.isHere ? Theme.c.accent : Theme.c.faint
            size: Theme.px(26)
            Accessible.ignored: true
            Badge {
                count: button.count
                x: parent.width - 8
                y: -4
            }
        }
        Text {
            width: parent.width
            horizontalAlignment: Text.AlignHCenter
            text: button.text
            textFormat: Text.PlainText
            font.pixelSize: Theme.px(11)
            elide: Text.ElideRight
            color: button.isHere ? Theme.c.accent : Theme.c.faint
        }
    }
    background: Rectangle {
        radius: 10
        color: button.hovered || button.down ? Theme.c.hover : "transparent"
        border.width: button.visualFocus ? 2 : 0
        border.color: Theme.c.accent
    }
    Keys.onReturnPressed: clicked()
}
