import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts

// A page beside the list: a head with its name, and what scrolls below: its content, and behind it
// perhaps a list, which may be long and of which only what is seen is built.
Rectangle {
    id: page
    property string title
    property bool canGoBack: false
    default property alias content: column.data
    property alias rows: list.model
    property alias row: list.delegate
    readonly property alias rowsCount: list.count
    readonly property real contentWidth: Math.min(list.width - (page.width < 500 ? 24 : 48), 680)
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
        ListView {
            id: list
            objectName: "pageList"
            // What stands above grows while it is read: the top stays in sight until somebody scrolls.
            property bool isMoved: false
            Layout.fillWidth: true
            Layout.fillHeight: true
            boundsBehavior: Flickable.StopAtBounds
            clip: true
            reuseItems: true
            spacing: 6
            ScrollBar.vertical: ScrollBar {}
            onMovementStarted: isMoved = true
            header: Item {
                width: list.width
                height: column.implicitHeight + 28
                onHeightChanged: if (!list.isMoved) Qt.callLater(list.positionViewAtBeginning)
            }
            footer: Item { width: 1; height: 28 }
            ColumnLayout {
                id: column
                parent: list.headerItem
                width: page.contentWidth
                x: (list.width - width) / 2
                y: 20
                spacing: 20
            }
        }
    }
}
