import QtQuick
import QtQuick.Layouts
import "../controls"

// A room by invitation, with contacts in it from the start.
Box {
    id: box
    title: qsTr("New room")
    onOpened: { name.clear(); picking.clear(); name.forceActiveFocus() }
    Field { id: name; objectName: "newRoomName"; Layout.fillWidth: true; placeholderText: qsTr("Name of the room"); maximumLength: 64; onAccepted: if (create.enabled) create.clicked() }
    Words { text: qsTr("Who is in it"); color: Theme.c.faint; Layout.fillWidth: true }
    Picking { id: picking; Layout.fillWidth: true }
    buttons: [
        PushButton { id: create; objectName: "createRoomButton"; text: qsTr("Create"); primary: true; enabled: name.text.trim() !== "" && !roomsView.now.isBusy; onClicked: roomsView.create(name.text, picking.chosen) },
        PushButton { text: qsTr("Cancel"); onClicked: box.close() }
    ]
}
