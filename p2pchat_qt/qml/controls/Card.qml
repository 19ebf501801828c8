import QtQuick
import QtQuick.Layouts

// A part of a page, with its title above.
ColumnLayout {
    id: card
    property string title
    property string hint
    default property alias content: inside.data
    Layout.fillWidth: true
    spacing: 8
    Words {
        visible: card.title !== ""
        text: card.title
        color: Theme.c.accent
        font.pixelSize: Theme.normal
        font.weight: Font.DemiBold
        Layout.fillWidth: true
        Layout.leftMargin: 4
        Accessible.role: Accessible.Heading
    }
    Rectangle {
        Layout.fillWidth: true
        implicitHeight: inside.implicitHeight + 28
        radius: Theme.radius
        color: Theme.c.window
        border.width: 1
        border.color: Theme.c.line
        ColumnLayout {
            id: inside
            x: 16
            y: 14
            width: parent.width - 32
            spacing: 10
        }
    }
    Paragraph {
        visible: card.hint !== ""
        text: card.hint
        color: Theme.c.faint
        font.pixelSize: Theme.small
        Layout.fillWidth: true
        Layout.leftMargin: 4
        Layout.rightMargin: 4
    }
}
