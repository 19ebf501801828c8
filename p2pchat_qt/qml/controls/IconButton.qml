import QtQuick
import QtQuick.Controls.Basic

// A round button with a sign; `text` is its name, for screen readers and as a tip.
Button {
    id: button
    property string sign
    property color tint: Theme.c.faint
    property int size: Theme.px(38)
    implicitWidth: size
    implicitHeight: size
    padding: 0
    display: AbstractButton.IconOnly
    icon.source: Theme.icon(sign)
    icon.color: !enabled ? Theme.c.line : checked ? Theme.c.accent : tint
    icon.width: Theme.px(22)
    icon.height: Theme.px(22)
    focusPolicy: Qt.TabFocus
    Accessible.name: text
    Tip { text: button.text }
    background: Rectangle {
        radius: height / 2
        color: button.down || button.hovered ? Theme.c.hover : "transparent"
        border.width: button.visualFocus ? 2 : 0
        border.color: Theme.c.accent
    }
    Keys.onReturnPressed: clicked()
    Keys.onEnterPressed: clicked()
}
