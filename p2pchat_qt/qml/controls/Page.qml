import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts

// A page beside the list: a head with its name, and what scrolls below.
Rectangle {
    id: page
    property string title
    property bool canGoBack: false
    default property alias content: column.data
    property alias tools: tools.data
    signal back()
    color: Theme.c.raised

    ColumnLayout {
        anchors.fill: parent
        spacing: 0
        Rectangle {
            Layout.fillWidth: true
            implicitHeight: Theme.px(56)
            color: Theme.c.window
            RowLayout {
                anchors.fill: parent
                anchors.leftMargin: page.canGoBack ? 6 : 20
                anchors.rightMargin: 10
                spacing: 4
                IconButton {
                    objectName: "back"
                    visible: page.canGoBack
                    sign: "back"
                    text: qsTr("Back")
                    onClicked: page.back()
                }
                Words {
                    text: page.title
                    font.pixelSize: Theme.large
                    font.weight: Font.DemiBold
                    Layout.fillWidth: true
                    Accessible.role: Accessible.Heading
                }
                RowLayout { id: tools; spacing: 4 }
            }
            Rectangle { width: parent.width; height: 1; anchors.bottom: parent.bottom; color: Theme.c.line }
        }
        Flickable {
            id: flick
            Layout.fillWidth: true
            Layout.fillHeight: true
            contentWidth: width
            contentHeight: column.implicitHeight + 48
            boundsBehavior: Flickable.StopAtBounds
            clip: true
            ScrollBar.vertical: ScrollBar {}
            ColumnLayout {
                id: column
                width: Math.min(flick.width - (page.width < 500 ? 24 : 48), 680)
                x: (flick.width - width) / 2
                y: 20
                spacing: 20
            }
        }
    }
}
