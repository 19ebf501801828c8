import QtQuick
import QtQuick.Controls.Basic

// One of a few, side by side: `options` are {value, text}.
Flow {
    id: choice
    property var options: []
    property string value
    signal chosen(string value)
    spacing: 8
    Repeater {
        model: choice.options
        Button {
            id: option
            required property var modelData
            objectName: "choice-" + modelData.value
            text: modelData.text
            checkable: true
            checked: choice.value === modelData.value
            autoExclusive: true
            implicitHeight: Theme.px(34)
            leftPadding: 14
            rightPadding: 14
            font.pixelSize: Theme.normal
            focusPolicy: Qt.StrongFocus
            Accessible.role: Accessible.RadioButton
            contentItem: Text {
                text: option.text
                textFormat: Text.PlainText
                font: option.font
                color: choice.value === option.modelData.value ? Theme.c.onAccent : Theme.c.text
                verticalAlignment: Text.AlignVCenter
                horizontalAlignment: Text.AlignHCenter
            }
            background: Rectangle {
                radius: height / 2
                color: choice.value === option.modelData.value ? Theme.c.accent
                    : option.hovered ? Theme.c.hover : Theme.c.raised
                border.width: option.visualFocus ? 2 : 0
                border.color: Theme.c.text
            }
            onClicked: choice.chosen(modelData.value)
        }
    }
}
