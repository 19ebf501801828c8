import QtQuick
import QtQuick.Controls.Basic

// One line of a menu.
MenuItem {
    id: entry
    property string sign
    property bool danger: false
    readonly property color ink: !enabled ? Theme.c.faint : danger ? Theme.c.bad : Theme.c.text
    implicitHeight: visible ? Theme.px(36) : 0
    height: implicitHeight
    leftPadding: 10
    rightPadding: 10
    spacing: 10
    font.pixelSize: Theme.normal
    icon.source: sign === "" ? "" : Theme.icon(sign)
    icon.color: ink
    icon.width: Theme.px(20)
    icon.height: Theme.px(20)
    palette.windowText: ink
    palette.highlightedText: ink
    background: Rectangle { radius: 8; color: entry.highlighted || entry.hovered ? Theme.c.hover : "transparent" }
}
