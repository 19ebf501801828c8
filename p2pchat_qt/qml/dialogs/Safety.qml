import QtQuick
import QtQuick.Layouts
import "../controls"

// What is compared with a contact, to be sure that nobody is between.
Box {
    id: box
    property string account
    property string name
    readonly property var safety: peopleView.now.safety
    title: qsTr("Verify %1").arg(name)
    function about(account, name) { box.account = account; box.name = name; peopleView.show_safety(account); open() }
    Paragraph { text: qsTr("Compare this number with %1, face to face or on the phone. If it is the same on both sides, nobody is between you.").arg(box.name); Layout.fillWidth: true }
    GridLayout {
        objectName: "safetyNumber"
        Layout.alignment: Qt.AlignHCenter
        columns: 4
        columnSpacing: 16
        rowSpacing: 6
        Repeater {
            model: box.safety.groups || []
            Words { required property string modelData; text: modelData; font.family: "monospace"; font.pixelSize: Theme.px(17) }
        }
    }
    Image {
        source: box.safety.qr || ""
        smooth: false
        fillMode: Image.PreserveAspectFit
        Layout.preferredWidth: Theme.px(170)
        Layout.preferredHeight: Theme.px(170)
        Layout.alignment: Qt.AlignHCenter
        Accessible.role: Accessible.Graphic
        Accessible.name: qsTr("A code for their client to scan")
    }
    buttons: [
        PushButton { objectName: "isSame"; text: qsTr("It is the same"); primary: true; onClicked: { peopleView.verify(box.account, true); box.close() } },
        PushButton { text: qsTr("Not the same"); danger: true; onClicked: { peopleView.verify(box.account, false); box.close() } }
    ]
}
