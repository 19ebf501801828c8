import QtQuick
import QtQuick.Controls.Basic
import "../controls"

// An emoji that was put to a message, and by how many.
AbstractButton {
    id: chip
    required property var modelData
    property bool own: false
    text: modelData.emoji + " " + modelData.count
    implicitHeight: Theme.px(24)
    implicitWidth: label.implicitWidth + 16
    focusPolicy: Qt.NoFocus
    Tip { text: modelData.names }
    Accessible.name: qsTr("%1 from %2").arg(modelData.emoji.replace("%", "")).arg(modelData.names)
    background: Rectangle {
        radius: height / 2
        color: chip.modelData.mine ? Theme.c.accent : Qt.alpha(chip.own ? Theme.c.ownFaint : Theme.c.accent, 0.16)
    }
    contentItem: Text {
        id: label
        text: chip.text
        textFormat: Text.PlainText
        font.pixelSize: Theme.px(13)
        color: chip.modelData.mine ? Theme.c.onAccent : chip.own ? Theme.c.ownText : Theme.c.bubbleText
        horizontalAlignment: Text.AlignHCenter
        verticalAlignment: Text.AlignVCenter
    }
}
