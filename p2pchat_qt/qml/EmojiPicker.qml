import QtQuick
import QtQuick.Controls.Basic
import "controls"

// The emoji that are used most.
Popup {
    id: picker
    signal picked(string sign)
    padding: 8
    readonly property int columns: Math.min(8, Math.floor((Overlay.overlay ? Overlay.overlay.width - 40 : 1000) / Theme.px(36)))
    width: Theme.px(36) * columns + 16
    focus: true
    background: Rectangle { radius: 12; color: Theme.c.window; border.width: 1; border.color: Theme.c.line }
    contentItem: GridView {
        id: grid
        implicitHeight: cellHeight * 6
        cellWidth: Theme.px(36)
        cellHeight: Theme.px(36)
        clip: true
        ScrollBar.vertical: ScrollBar {}
        focus: true
        keyNavigationEnabled: true
        model: ("😀 😁 😂 🤣 😊 😍 😘 😎 🤔 😐 🙄 😴 😢 😭 😡 🤯 🥳 🤗 🙈 👋 👍 👎 👏 🙏 💪 🤝 ✌️ 👌 👀 🧠 ❤️ 💔 🔥 ✨ 🎉 🎂 "
            + "🌞 🌧️ 🌈 🌸 🍀 🐱 🐶 🐼 🍎 🍜 🍵 ☕ 🍺 🚀 ✈️ 🚲 🏠 💻 📎 📷 🎵 ⚽ ✅ ❌ ❓ ❗ 💡 ⏰").split(" ")
        delegate: AbstractButton {
            required property string modelData
            required property int index
            objectName: "reactions-" + index
            width: grid.cellWidth
            height: grid.cellHeight
            Accessible.name: modelData
            contentItem: Text { text: parent.modelData; font.pixelSize: Theme.px(20); horizontalAlignment: Text.AlignHCenter; verticalAlignment: Text.AlignVCenter }
            background: Rectangle { radius: 8; color: parent.hovered || parent.GridView.isCurrentItem && grid.activeFocus ? Theme.c.hover : "transparent" }
            onClicked: { picker.picked(modelData); picker.close() }
        }
        Keys.onReturnPressed: if (currentItem) currentItem.clicked()
    }
}
