import QtQuick
import QtQuick.Layouts
import "../controls"

// Contacts who shall be in a room.
Box {
    id: box
    property string room
    title: qsTr("Add contacts")
    function about(id) { room = id; picking.clear(); open() }
    Picking { id: picking; isActive: box.visible; Layout.fillWidth: true }
    buttons: [
        PushButton {
            objectName: "letInButton"
            text: qsTr("Add")
            primary: true
            enabled: picking.chosen.length > 0
            onClicked: { for (const account of picking.chosen) roomsView.set_role(box.room, account, "member"); box.close() }
        },
        PushButton { text: qsTr("Cancel"); onClicked: box.close() }
    ]
}
