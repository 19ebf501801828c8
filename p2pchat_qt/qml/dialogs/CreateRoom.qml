import QtQuick
import QtQuick.Layouts
import "../controls"

// A room by invitation, with contacts in it from the start.
Box {
    id: box
    property string history: "all"
    title: qsTr("New room")
    onOpened: { history = "all"; name.clear(); picking.clear(); name.forceActiveFocus() }
    Field { id: name; objectName: "newRoomName"; Layout.fillWidth: true; placeholderText: qsTr("Name of the room"); maximumLength: 64; onAccepted: if (create.enabled) create.clicked() }
    Words { text: qsTr("Who is in it"); color: Theme.c.faint; Layout.fillWidth: true }
    Picking { id: picking; isActive: box.visible; Layout.fillWidth: true }
    Words { text: qsTr("What newcomers may read of what was said before"); color: Theme.c.faint; wrapMode: Text.Wrap; Layout.fillWidth: true }
    Choice {
        objectName: "newRoomHistory"
        Layout.fillWidth: true
        Layout.bottomMargin: 8
        value: box.history
        options: [{ value: "all", text: qsTr("All") }, { value: "last:100", text: qsTr("The last 100") }, { value: "joining", text: qsTr("From their joining on") }]
        onChosen: value => box.history = value
    }
    buttons: [
        PushButton { id: create; objectName: "createRoomButton"; text: qsTr("Create"); primary: true; enabled: name.text.trim() !== "" && !roomsView.now.isBusy; onClicked: roomsView.create(name.text, picking.chosen, box.history) },
        PushButton { text: qsTr("Cancel"); onClicked: box.close() }
    ]
}
