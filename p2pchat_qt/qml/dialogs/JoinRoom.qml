import QtQuick
import QtQuick.Layouts
import "../controls"

// Into a room by a link, by its name, or by its name and password.
Box {
    id: box
    property string way: "link"
    readonly property bool canGo: (way === "link" ? link.text.trim() !== "" : name.text.trim() !== "" && (way === "open" || password.text !== "")) && !roomsView.now.isBusy
    title: qsTr("Join a room")
    onOpened: { link.clear(); name.clear(); password.clear() }
    function go() {
        if (!canGo) return
        if (way === "link") peopleView.look_at(link.text)
        else if (way === "open") roomsView.join_open(name.text)
        else roomsView.join_with_password(name.text, password.text)
    }
    Choice {
        objectName: "joinWay"
        Layout.fillWidth: true
        value: box.way
        options: [{ value: "link", text: qsTr("Invitation") }, { value: "open", text: qsTr("Open room") }, { value: "password", text: qsTr("With a password") }]
        onChosen: value => box.way = value
    }
    Pasting { id: link; objectName: "joinLink"; visible: box.way === "link"; Layout.fillWidth: true; placeholderText: "dchat://j/…"; onAccepted: box.go() }
    Field { id: name; objectName: "joinName"; visible: box.way !== "link"; Layout.fillWidth: true; placeholderText: qsTr("Name of the room"); onAccepted: box.go() }
    Field { id: password; objectName: "joinPassword"; visible: box.way === "password"; Layout.fillWidth: true; echoMode: TextInput.Password; placeholderText: qsTr("Password"); onAccepted: box.go() }
    Paragraph {
        Layout.fillWidth: true
        color: Theme.c.faint
        font.pixelSize: Theme.small
        text: box.way === "link" ? qsTr("Somebody who leads the room gives it to you.")
            : box.way === "open" ? qsTr("Everybody who knows the name can read and write there.")
            : qsTr("Another password is another room: with a wrong one you are alone.")
    }
    buttons: [
        PushButton { objectName: "joinButton"; text: qsTr("Join"); primary: true; enabled: box.canGo; onClicked: box.go() },
        PushButton { text: qsTr("Cancel"); onClicked: box.close() }
    ]
}
