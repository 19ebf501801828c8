import QtQuick
import QtQuick.Dialogs
import QtQuick.Layouts
import "../controls"

// A QR code in a picture, in place of a link that is pasted.
Flow {
    id: scanning
    property string account  // whose code is wanted; none for a link
    spacing: 8
    PushButton { objectName: "scanFile"; text: qsTr("QR code from a picture…"); onClicked: file.open() }
    PushButton { objectName: "scanPasted"; text: qsTr("QR code from the clipboard"); onClicked: app.scanner.scan_pasted(scanning.account) }
    FileDialog {
        id: file
        title: qsTr("Choose a picture")
        nameFilters: [qsTr("Pictures") + " (*.png *.jpg *.jpeg *.webp *.gif *.bmp)"]
        onAccepted: app.scanner.scan_file(selectedFile, scanning.account)
    }
}
