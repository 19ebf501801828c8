import QtQuick
import QtQuick.Controls.Basic

// Yes or no, with what it is about before it.
Switch {
    id: toggle
    implicitHeight: Math.max(Theme.px(40), label.implicitHeight + 8)
    padding: 0
    spacing: 12
    font.pixelSize: Theme.normal
    focusPolicy: Qt.StrongFocus
    indicator: Rectangle {
        x: toggle.width - width
        anchors.verticalCenter: parent.verticalCenter
        width: Theme.px(40)
        height: Theme.px(22)
        radius: height / 2
        color: toggle.checked ? Theme.c.accent : Theme.c.badgeQuiet
        border.width: toggle.visualFocus ? 2 : 0
        border.color: Theme.c.text
        Rectangle {
            width: parent.height - 6
            height: width
            radius: width / 2
            y: 3
            x: toggle.checked ? parent.width - width - 3 : 3
            color: "#ffffff"
            Behavior on x { NumberAnimation { duration: 90 } }
        }
    }
    contentItem: Text {
        id: label
        text: toggle.text
        textFormat: Text.PlainText
        font: toggle.font
        color: Theme.c.text
        wrapMode: Text.Wrap
        verticalAlignment: Text.AlignVCenter
        rightPadding: toggle.indicator.width + toggle.spacing
    }
}
