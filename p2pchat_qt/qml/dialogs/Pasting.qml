import QtQuick
import "../controls"

// A field for a link, and a button that pastes it: what lies on the clipboard is nobody's business
// before somebody asks for it.
Field {
    id: field
    rightPadding: paste.width + 8
    IconButton {
        id: paste
        objectName: "paste"
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        anchors.rightMargin: 4
        size: Theme.px(34)
        sign: "paste"
        text: qsTr("Paste")
        onClicked: { field.text = app.pasted(); field.forceActiveFocus() }
    }
}
