import QtQuick
import QtQuick.Controls.Basic

// What a control means, beside it, as plain text: names of others stand here, and the shared tip
// of Qt takes what looks like HTML for HTML, pictures from the network included. It is built when
// the pointer comes: there are many controls, and of all of them it is the dearest part.
Loader {
    id: tip
    property string text
    anchors.fill: parent
    active: parent.hovered && text !== ""
    sourceComponent: ToolTip {
        id: shown
        visible: true
        delay: 600
        text: tip.text
        contentItem: Text {
            text: shown.text
            textFormat: Text.PlainText
            font: shown.font
            wrapMode: Text.Wrap
            color: shown.palette.toolTipText
        }
    }
}
