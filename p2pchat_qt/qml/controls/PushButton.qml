import QtQuick
import QtQuick.Controls.Basic

// A button with words: the one thing to do (`primary`), another one, or one that is not taken back
// (`danger`).
Button {
    id: button
    property bool primary: false
    property bool danger: false
    readonly property color ink: !enabled ? Theme.c.faint
        : primary ? (danger ? Theme.c.onBad : Theme.c.onAccent)
        : danger ? Theme.c.bad : Theme.c.accent
    implicitHeight: Theme.px(38)
    leftPadding: Theme.px(16)
    rightPadding: Theme.px(16)
    font.pixelSize: Theme.normal
    font.weight: Font.Medium
    focusPolicy: Qt.StrongFocus
    contentItem: Text {
        text: button.text
        textFormat: Text.PlainText
        font: button.font
        color: button.ink
        horizontalAlignment: Text.AlignHCenter
        verticalAlignment: Text.AlignVCenter
        elide: Text.ElideRight
    }
    background: Rectangle {
        radius: 10
        color: !button.enabled ? Theme.c.raised
            : button.primary ? (button.danger ? Theme.c.bad : Theme.c.accent)
            : button.down || button.hovered ? Theme.c.hover : Theme.c.raised
        opacity: button.primary && (button.down || button.hovered) ? 0.9 : 1
        border.width: button.visualFocus ? 2 : 0
        border.color: button.primary ? Theme.c.text : Theme.c.accent
    }
    Keys.onReturnPressed: clicked()
    Keys.onEnterPressed: clicked()
}
