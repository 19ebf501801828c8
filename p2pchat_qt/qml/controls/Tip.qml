import QtQuick
import QtQuick.Controls.Basic

// What a control means, beside it, as plain text: names of others stand here, and the shared tip
// of Qt takes what looks like HTML for HTML, pictures from the network included.
ToolTip {
    id: tip
    visible: parent.hovered && text !== ""
    delay: 600
    contentItem: Text {
        text: tip.text
        textFormat: Text.PlainText
        font: tip.font
        wrapMode: Text.Wrap
        color: tip.palette.toolTipText
    }
}
