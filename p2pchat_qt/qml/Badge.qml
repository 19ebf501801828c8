import QtQuick
import "controls"

// How much is unread.
Rectangle {
    id: badge
    property int count: 0
    visible: count > 0
    implicitWidth: Math.max(height, label.implicitWidth + 10)
    implicitHeight: Theme.px(19)
    radius: height / 2
    color: Theme.c.accent
    Text {
        id: label
        anchors.centerIn: parent
        text: badge.count > 999 ? "999+" : badge.count
        color: Theme.c.onAccent
        font.pixelSize: Theme.px(11)
        font.weight: Font.DemiBold
    }
}
