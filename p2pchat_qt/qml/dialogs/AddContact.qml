import QtQuick
import QtQuick.Layouts
import "../controls"

// A friend's link, or ours for them.
Box {
    id: box
    title: qsTr("Add a contact")
    onOpened: { link.clear(); link.forceActiveFocus() }
    Paragraph { text: qsTr("Paste the link that your friend gave you:"); Layout.fillWidth: true }
    Pasting { id: link; objectName: "link"; Layout.fillWidth: true; placeholderText: "dchat://u/…"; onAccepted: look.clicked() }
    PushButton { id: look; objectName: "lookAtLink"; text: qsTr("Continue"); primary: true; enabled: link.text.trim() !== ""; Layout.fillWidth: true; onClicked: if (enabled) peopleView.look_at(link.text) }
    Scanning { Layout.fillWidth: true }
    Rectangle { Layout.fillWidth: true; implicitHeight: 1; color: Theme.c.line; Layout.topMargin: 6; Layout.bottomMargin: 6 }
    Paragraph { text: qsTr("Or let them have yours:"); Layout.fillWidth: true }
    Qr {
        source: peopleView.now.qr
        visible: source != ""
        most: Theme.px(280)
        Layout.preferredWidth: side
        Layout.preferredHeight: side
        Layout.alignment: Qt.AlignHCenter
        Accessible.name: qsTr("Your link as a QR code")
    }
    Copied { words: peopleView.now.link; done: qsTr("Your link is copied"); Layout.fillWidth: true; Layout.bottomMargin: 10 }
}
