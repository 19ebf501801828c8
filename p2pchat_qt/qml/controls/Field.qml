import QtQuick
import QtQuick.Controls.Basic

// One line to write in.
TextField {
    id: field
    implicitHeight: Theme.px(40)
    leftPadding: 12
    rightPadding: 12
    font.pixelSize: Theme.normal
    color: Theme.c.text
    placeholderTextColor: Theme.c.faint
    selectionColor: Theme.c.selected
    selectedTextColor: Theme.c.onSelected
    selectByMouse: true
    verticalAlignment: TextInput.AlignVCenter
    Accessible.name: placeholderText
    background: Rectangle {
        radius: 10
        color: Theme.c.raised
        border.width: field.activeFocus ? 2 : 1
        border.color: field.activeFocus ? Theme.c.accent : Theme.c.line
    }
}
