import QtQuick
import QtQuick.Controls.Basic

// A menu in our colours, as wide as what can be chosen in it, where the window is.
Menu {
    id: menu
    padding: 6
    implicitWidth: {
        let wanted = Theme.px(210)
        for (let n = 0; n < count; n++) {
            const entry = itemAt(n)
            if (entry instanceof Entry && entry.visible) wanted = Math.max(wanted, entry.implicitWidth + 2 * padding)
        }
        return Math.min(wanted, Theme.px(420), Overlay.overlay ? Overlay.overlay.width - 24 : wanted)
    }
    background: Rectangle { radius: 12; color: Theme.c.window; border.width: 1; border.color: Theme.c.line }
    delegate: Entry {}
}
