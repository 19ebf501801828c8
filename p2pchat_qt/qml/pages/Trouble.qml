import QtQuick
import QtQuick.Layouts
import "../controls"

// The client has ended by a fault: why, and a way on. What is on disk stays to be read, below it.
Rectangle {
    implicitHeight: line.implicitHeight + 16
    color: Theme.c.bad
    RowLayout {
        id: line
        x: 16
        y: 8
        width: parent.width - 28
        spacing: 12
        Paragraph { text: startView.now.error; color: Theme.c.onBad; Layout.fillWidth: true }
        PushButton { objectName: "restart"; text: qsTr("Start again"); onClicked: startView.again() }
    }
}
