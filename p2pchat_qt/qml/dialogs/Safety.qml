import QtQuick
import QtQuick.Layouts
import "../controls"

// What is compared with a contact, to be sure that nobody is between.
Box {
    id: box
    property string account
    property string name
    property bool isTrust: false
    property bool isOther: false
    readonly property var safety: peopleView.now.safety
    readonly property bool isHere: safety.account === account
    title: isTrust ? qsTr("Can you trust %1?").arg(name) : qsTr("Verify %1").arg(name)
    function about(account, name, isTrust) {
        box.account = account
        box.name = name
        box.isTrust = isTrust
        isOther = false
        peopleView.show_safety(account)
        open()
    }
    Paragraph {
        visible: box.isTrust && !box.isOther
        text: qsTr("A device of %1 says that it acts for another account. That can be a fault, or somebody who wants to be taken for them. Nothing is sent to them before you have compared.").arg(box.name)
        color: Theme.c.bad
        Layout.fillWidth: true
    }
    Paragraph { visible: !box.isOther; text: qsTr("Compare this number with %1, face to face or on the phone. If it is the same on both sides, nobody is between you.").arg(box.name); Layout.fillWidth: true }
    Paragraph {
        objectName: "notSame"
        visible: box.isOther
        text: qsTr("Then somebody may stand between you, or this is not %1. Write nothing here that only they may know. Tell them by another way, remove this contact, and add them again by a link that they give you in person.").arg(box.name)
        Layout.fillWidth: true
    }
    GridLayout {
        objectName: "safetyNumber"
        visible: box.isHere && !box.isOther
        Layout.alignment: Qt.AlignHCenter
        columns: [4, 3].find(count => count * (digits.width + columnSpacing) <= box.width - 40) || 2
        columnSpacing: 16
        rowSpacing: 6
        Repeater {
            model: box.isHere ? box.safety.groups : []
            Words { required property string modelData; text: modelData; font.family: "monospace"; font.pixelSize: Theme.px(17) }
        }
    }
    TextMetrics { id: digits; font.family: "monospace"; font.pixelSize: Theme.px(17); text: "00000" }
    Qr {
        source: box.isHere ? box.safety.qr : ""
        visible: box.isHere && !box.isTrust && !box.isOther
        most: Theme.px(170)
        Layout.preferredWidth: side
        Layout.preferredHeight: side
        Layout.alignment: Qt.AlignHCenter
        Accessible.name: qsTr("A code for their client to scan")
    }
    Paragraph { visible: scanning.visible; text: qsTr("Or read the code that their client shows here:"); Layout.fillWidth: true }
    Scanning { id: scanning; account: box.account; visible: !box.isTrust && !box.isOther; Layout.fillWidth: true }
    buttons: [
        PushButton {
            objectName: "isSame"
            visible: !box.isOther
            enabled: box.isHere
            text: box.isTrust ? qsTr("It is the same: trust them") : qsTr("It is the same")
            primary: true
            onClicked: { box.isTrust ? peopleView.confirm_key(box.account) : peopleView.verify(box.account, true); box.close() }
        },
        PushButton {
            objectName: "isOther"
            visible: !box.isOther
            enabled: box.isHere
            text: qsTr("Not the same")
            danger: true
            onClicked: { peopleView.verify(box.account, false); box.isOther = true }
        },
        PushButton { visible: box.isOther; text: qsTr("Close"); onClicked: box.close() }
    ]
}
