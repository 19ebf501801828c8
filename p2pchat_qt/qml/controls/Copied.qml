import QtQuick
import QtQuick.Layouts

// Something to be copied: what it is, and a button.
RowLayout {
    id: copied
    property string words
    property string done: qsTr("Copied")
    spacing: 6
    Rectangle {
        Layout.fillWidth: true
        implicitHeight: Theme.px(40)
        radius: 10
        color: Theme.c.raised
        Words {
            anchors.fill: parent
            anchors.margins: 10
            text: copied.words
            elide: Text.ElideMiddle
            font.family: "monospace"
            font.pixelSize: Theme.small
            verticalAlignment: Text.AlignVCenter
        }
    }
    IconButton {
        sign: "copy"
        text: qsTr("Copy")
        enabled: copied.words !== ""
        onClicked: { app.copy(copied.words); app.said.tell(copied.done) }
    }
}
