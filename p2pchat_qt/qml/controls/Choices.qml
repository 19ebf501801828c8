import QtQuick
import QtQuick.Controls.Basic

// A menu in our colours.
Menu {
    id: menu
    padding: 6
    implicitWidth: Theme.px(210)
    background: Rectangle { implicitWidth: Theme.px(210); radius: 12; color: Theme.c.window; border.width: 1; border.color: Theme.c.line }
    delegate: Entry {}
}
