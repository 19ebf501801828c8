import QtQuick
import "controls"

// A line while there is no network, or not yet.
Rectangle {
    readonly property string words: {
        if (startView.now.phase === "opening")
            return qsTr("Starting…")
        if (startView.now.phase !== "open" || networkView.now.health === "good")
            return ""
        return networkView.now.health === "poor" ? qsTr("Weak connection")
            : qsTr("Offline. What you write is sent later.")
    }
    objectName: "connectionStrip"
    visible: words !== ""
    implicitHeight: words === "" ? 0 : label.contentHeight + 10
    color: Theme.c.raised
    Words {
        id: label
        anchors.centerIn: parent
        width: parent.width - 24
        horizontalAlignment: Text.AlignHCenter
        text: parent.words
        color: Theme.c.faint
        font.pixelSize: Theme.small
        wrapMode: Text.Wrap
    }
}
