import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts

// A dialog: title, content, and its buttons at the end.
Popup {
    id: box
    property string title
    property int wide: 420
    default property alias content: column.data
    property alias buttons: buttons.data
    parent: Overlay.overlay
    modal: true
    focus: true
    padding: 0
    width: Math.min(wide * Math.min(Theme.scale, 1.2), parent ? parent.width - 24 : wide)
    height: Math.min(body.implicitHeight, parent ? parent.height - 24 : 10000)
    x: parent ? Math.round((parent.width - width) / 2) : 0
    y: parent ? Math.round((parent.height - height) / 2) : 0
    closePolicy: Popup.CloseOnEscape | Popup.CloseOnPressOutside
    Overlay.modal: Rectangle { color: Theme.c.shade }
    background: Rectangle { radius: 14; color: Theme.c.window; border.width: 1; border.color: Theme.c.line }
    contentItem: ColumnLayout {
        id: body
        spacing: 0
        RowLayout {
            Layout.fillWidth: true
            Layout.leftMargin: 20
            Layout.rightMargin: 10
            Layout.topMargin: 10
            Words {
                text: box.title
                font.pixelSize: Theme.large
                font.weight: Font.DemiBold
                wrapMode: Text.Wrap
                maximumLineCount: 3
                Layout.fillWidth: true
                Accessible.role: Accessible.Heading
            }
            IconButton { objectName: "closeBox"; sign: "close"; text: qsTr("Close"); onClicked: box.close() }
        }
        Flickable {
            Layout.fillWidth: true
            Layout.fillHeight: true
            implicitHeight: column.implicitHeight + 20
            contentHeight: column.implicitHeight + 20
            clip: true
            boundsBehavior: Flickable.StopAtBounds
            ScrollBar.vertical: ScrollBar {}
            ColumnLayout {
                id: column
                x: 20
                y: 6
                width: box.width - 40
                spacing: 12
            }
        }
        Flow {
            id: buttons
            visible: children.length > 0
            layoutDirection: Qt.RightToLeft
            spacing: 8
            Layout.fillWidth: true
            Layout.leftMargin: 20
            Layout.rightMargin: 20
            Layout.bottomMargin: 18
            Layout.topMargin: 4
        }
    }
}
